/* rules_match: finds the Rules that are for a Pod. */
#ifndef POLICY_EVALUATE_RULES_MATCH_H
#define POLICY_EVALUATE_RULES_MATCH_H

#include "policy/evaluate/rules_pass.h"

/* Fills pass->found with the Rules that could match the draft as it stands. */
void rules_find(struct pass *pass);

/* Whether the Pod is one that the Rule is for, by everything but the amounts it asks for; and by these. */
bool rules_concern(const struct evaluation *e, const struct rule *rule);
bool rules_in_range(const struct evaluation *e, const struct rule *rule);

/*
 * What these find against it: the first condition that does not hold, CONDITION_NONE if all do; and
 * the first range, NULL if none.
 */
enum trace_condition rules_unmet(const struct evaluation *e, const struct rule *rule);
const struct range *rules_exceeded_range(const struct evaluation *e, const struct rule *rule);

#endif
