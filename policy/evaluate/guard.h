/* guard: Guards, which refuse what is not a matter of quota. */
#ifndef POLICY_EVALUATE_GUARD_H
#define POLICY_EVALUATE_GUARD_H

#include "policy/evaluate/evaluation.h"

/* Adds the objections of the Guards, as far as they look at this operation. Returns -1 when the arena is exhausted. */
int guards_check(struct evaluation *e);

#endif
