/*
 * warn: the parts of compile_warnings, one file for each subject. The policy must have no errors.
 */
#ifndef POLICY_COMPILE_WARN_H
#define POLICY_COMPILE_WARN_H

#include "policy/compile/context.h"

void compile_name_warnings(struct compile *c);     /* Names of resources. */
void compile_settings_warnings(struct compile *c); /* Settings, and all exemptions. */
void compile_claim_warnings(struct compile *c);    /* Namespaces that Tenants claim. */
void compile_guard_warnings(struct compile *c);    /* Claims that Guards allow. */
void compile_quota_warnings(struct compile *c);    /* Tenants and their quotas. */
void compile_cohort_warnings(struct compile *c);   /* Cohorts in which nothing can be lent. */
/* Accelerators, and what Rules require of their nodes. */
void compile_fleet_warnings(struct compile *c);
void compile_rewrite_warnings(struct compile *c);  /* Rewrites of Rules. */
void compile_gang_warnings(struct compile *c);     /* Rules that decide groups. */
void compile_to_claim_warnings(struct compile *c); /* Requests that Rules turn into claims. */

#endif
