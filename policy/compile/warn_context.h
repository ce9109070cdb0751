/*
 * warn_context: what the warnings of several subjects share. What is compared in pairs is bounded, so that a hostile
 * policy costs no more than a fraction of a second.
 */
#ifndef POLICY_COMPILE_WARN_CONTEXT_H
#define POLICY_COMPILE_WARN_CONTEXT_H

#include "policy/compile/context.h"

#define WARN_WORK_MAX 50000000 /* comparisons of a few bytes, for each subject */

/* Takes `amount` of what is left. False: it is used up, and no further warning of the subject is looked for. */
static inline bool warn_spend(uint64_t *left, uint64_t amount)
{
	*left = *left > amount ? *left - amount : 0;
	return *left > 0;
}

/* What becomes of a Pod that no quota covers: "refused", ... */
const char *warn_uncovered_fate(const struct policy *policy);

/* The document of a Rule of the policy. `names`: of the documents, see warn_rule_names. */
const struct doc_rule *warn_rule(const struct compile *c, const struct index *names, uint32_t rule);
void warn_rule_names(struct compile *c, struct index *names);

#endif
