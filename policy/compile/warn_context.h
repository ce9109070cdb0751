/*
 * warn_context: helpers that the warnings of several subjects share. The work for comparing pairs
 * is limited, so that a malicious policy takes at most a fraction of a second.
 */
#ifndef POLICY_COMPILE_WARN_CONTEXT_H
#define POLICY_COMPILE_WARN_CONTEXT_H

#include "policy/compile/context.h"

/* Number of comparisons of a few bytes, for each subject. */
#define WARN_WORK_MAX 50000000

/*
 * Subtracts `amount` from the work that is left. Returns false if the work is used up; the caller
 * then stops looking for further warnings of its subject.
 */
static inline bool warn_spend(uint64_t *left, uint64_t amount)
{
	*left = *left > amount ? *left - amount : 0;
	return *left > 0;
}

/* Returns what happens to a Pod that no quota covers, such as "refused". */
const char *warn_uncovered_fate(const struct policy *policy);

/*
 * Returns the document of a Rule of the policy. warn_rule_names builds `names`, an index of the
 * documents.
 */
const struct doc_rule *warn_rule(const struct compile *c, const struct index *names, uint32_t rule);
void warn_rule_names(struct compile *c, struct index *names);

#endif
