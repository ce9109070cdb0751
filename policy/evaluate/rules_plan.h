/* rules_plan: what a Rule would do, and what speaks against it. */
#ifndef POLICY_EVALUATE_RULES_PLAN_H
#define POLICY_EVALUATE_RULES_PLAN_H

#include "policy/evaluate/rules_pass.h"

/* Fills the plan's targets, then the rest. What cannot be done is an objection with the Rule's enforcement. */
int rules_plan_targets(struct evaluation *e, const struct rule *rule, struct plan *plan);
int rules_plan(struct pass *pass, const struct rule *rule, struct plan *plan);
bool rules_claimed(const struct pass *pass, struct str key);

#endif
