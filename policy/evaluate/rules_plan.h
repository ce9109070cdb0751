/* rules_plan: plans what a Rule would change, and checks what prevents it. */
#ifndef POLICY_EVALUATE_RULES_PLAN_H
#define POLICY_EVALUATE_RULES_PLAN_H

#include "policy/evaluate/rules_pass.h"

/*
 * rules_plan_targets fills the targets of the plan, and rules_plan fills the rest. What cannot be
 * done becomes a violation with the enforcement of the Rule.
 */
int rules_plan_targets(struct evaluation *e, const struct rule *rule, struct plan *plan);
int rules_plan(struct pass *pass, const struct rule *rule, struct plan *plan);

/* Whether a Rule has already set this key of nodeSelector in this pass. */
bool rules_claimed(const struct pass *pass, struct str key);

#endif
