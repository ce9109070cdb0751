/* rules: applies the Rules to a Pod. */
#ifndef POLICY_EVALUATE_RULES_H
#define POLICY_EVALUATE_RULES_H

#include "policy/evaluate/evaluation.h"

/*
 * Applies the Rules that match to the draft, in their order. `settle` repeats until a pass changes nothing, as /mutate
 * does; otherwise there is one pass, and a required Rule that changed something is an objection, as in /validate.
 * Returns -1 when the arena is exhausted.
 */
int rules_apply(struct evaluation *e, bool settle);

#endif
