/* rules: applies the Rules to a Pod. */
#ifndef POLICY_EVALUATE_RULES_H
#define POLICY_EVALUATE_RULES_H

#include "policy/evaluate/evaluation.h"

/*
 * Applies the matching Rules to the working Pod, in their order. With `settle`, as in /mutate, it
 * repeats passes until one changes nothing. Without it, as in /validate, there is one pass, and a
 * required Rule that changes something causes a violation. Returns 0, or -1 if the arena is
 * exhausted.
 */
int rules_apply(struct evaluation *e, bool settle);

#endif
