/* rules_change: does what a Rule has planned, or says what it would do. */
#ifndef POLICY_EVALUATE_RULES_CHANGE_H
#define POLICY_EVALUATE_RULES_CHANGE_H

#include "policy/evaluate/rules_pass.h"

/*
 * Takes a name that is rewritten out of the containers that ask for the target already: they keep what they ask for of
 * that. An in-tree admission plugin such as LimitRanger has put the name back.
 */
void rules_drop_leftovers(struct evaluation *e, const struct rule *rule, const struct plan *plan, bool *changed);

/* Does what the plan says; or makes an objection that says what it would do. */
int rules_change(struct pass *pass, const struct rule *rule, const struct plan *plan, bool *changed);
int rules_tell(struct pass *pass, const struct rule *rule, const struct plan *plan);

#endif
