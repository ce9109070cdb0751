/*
 * rules_claims: turns requests into claims of devices (`toClaim`). A container that requests
 * exactly what a claim from the template is for uses a claim of its own instead, so that a Pod has
 * as many claims as its effective request needs: init containers that end before another container
 * starts share its claim. The working Pod must have `given` (working_pod_claims).
 */
#ifndef POLICY_EVALUATE_RULES_CLAIMS_H
#define POLICY_EVALUATE_RULES_CLAIMS_H

#include "policy/evaluate/rules_pass.h"
#include "policy/evaluate/rules_target.h"

/*
 * Whether every container that requests `from` requests exactly what one claim is for, and of a
 * whole: no companion says how much of the device the container gets. Otherwise the whole Pod is
 * left alone.
 */
bool rules_claims_exact(const struct evaluation *e, const struct rewrite *rewrite);

/*
 * Refuses a Pod that would have more claims or uses of them than are considered, with those of all
 * rewrites of the Rule and of the Rules before it, and then sets `*denied`.
 */
int rules_claims_bounded(struct evaluation *e, const struct rule *rule, const struct plan *plan, bool *denied);

/*
 * Whether the container had a claim before this evaluation that Rules which concern the Pod make of
 * exactly this amount.
 * One that Rules have given in this evaluation does not count: what is requested beside it has come
 * from elsewhere.
 */
bool rules_claims_has(const struct evaluation *e, const struct amount_of *amount, const struct results *results);

/* Makes the change. Sets `*changed` if there is one. */
int rules_claims_give(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite, bool *changed);

#endif
