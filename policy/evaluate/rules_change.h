/* rules_change: makes the changes that a Rule has planned, or reports them. */
#ifndef POLICY_EVALUATE_RULES_CHANGE_H
#define POLICY_EVALUATE_RULES_CHANGE_H

#include "policy/evaluate/rules_pass.h"

/*
 * Removes a name that is rewritten from the containers that already request its target, and leaves
 * that request as it is. Such a leftover comes from an in-tree admission plugin such as
 * LimitRanger, which adds the name again after a rewrite.
 */
void rules_drop_leftovers(struct evaluation *e, const struct rule *rule, const struct plan *plan, bool *changed);

/*
 * rules_change makes the planned changes. rules_report adds a violation that says what they would
 * be.
 */
int rules_change(struct pass *pass, const struct rule *rule, const struct plan *plan, bool *changed);
int rules_report(struct pass *pass, const struct rule *rule, const struct plan *plan);

#endif
