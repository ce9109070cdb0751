/* rules_match: finds the Rules that match a Pod. */
#ifndef POLICY_EVALUATE_RULES_MATCH_H
#define POLICY_EVALUATE_RULES_MATCH_H

#include "policy/evaluate/rules_pass.h"

/*
 * Calls `visit` for the Rules that could match the current working Pod, in no order, and for some
 * of them several times.
 */
typedef void rules_visit_fn(void *context, uint32_t rule);
void rules_each(const struct evaluation *e, rules_visit_fn *visit, void *context);

/* Sets pass->found to the same Rules. */
void rules_find(struct pass *pass);

/*
 * rules_concern tells whether the Rule matches the Pod in everything but the requested amounts.
 * rules_in_range tells whether these match.
 */
bool rules_concern(const struct evaluation *e, const struct rule *rule);
bool rules_in_range(const struct evaluation *e, const struct rule *rule);

/*
 * What these find against it: the first condition that does not hold, CONDITION_NONE if all do; and
 * the first range, NULL if none.
 */
enum trace_condition rules_unmet(const struct evaluation *e, const struct rule *rule);
const struct range *rules_exceeded_range(const struct evaluation *e, const struct rule *rule);

#endif
