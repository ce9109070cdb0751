/*
 * compile_warn: what compile_warnings is made of, one file for each subject. Each looks at a policy without errors. What is compared in
 * pairs is bounded, so that a hostile policy costs no more than a fraction of a second.
 */
#ifndef POLICY_COMPILE_COMPILE_WARN_H
#define POLICY_COMPILE_COMPILE_WARN_H

#include "policy/compile/compile.h"

#define WARN_WORK_MAX 50000000 /* comparisons of a few bytes, for each subject */

/* Takes `amount` of what is left. False: it is used up, and no further warning of the subject is looked for. */
static inline bool warn_spend(uint64_t *left, uint64_t amount)
{
	*left = *left > amount ? *left - amount : 0;
	return *left > 0;
}

void compile_name_warnings(struct compile *c);     /* resources */
void compile_settings_warnings(struct compile *c); /* Settings, and exemptions wherever they are */
void compile_claim_warnings(struct compile *c);    /* which namespaces Tenants have */
void compile_quota_warnings(struct compile *c);    /* Tenants and their quotas */
void compile_cohort_warnings(struct compile *c);   /* who lends to whom */
void compile_fleet_warnings(struct compile *c);    /* Accelerators, and what Rules say of their nodes */
void compile_rewrite_warnings(struct compile *c);  /* what Rules rewrite */

/* What becomes of a Pod that no quota covers: "refused", ... */
const char *warn_uncovered_fate(const struct policy *policy);

/* The document of a Rule of the policy. `names`: of the documents, see warn_rule_names. */
const struct doc_rule *warn_rule(const struct compile *c, const struct index *names, uint32_t rule);
void warn_rule_names(struct compile *c, struct index *names);

#endif
