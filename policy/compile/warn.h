/* warn: what compile_warnings is made of, one file for each subject. Each looks at a policy without errors. */
#ifndef POLICY_COMPILE_WARN_H
#define POLICY_COMPILE_WARN_H

#include "policy/compile/context.h"

void compile_name_warnings(struct compile *c);     /* resources */
void compile_settings_warnings(struct compile *c); /* Settings, and exemptions wherever they are */
void compile_claim_warnings(struct compile *c);    /* which namespaces Tenants have */
void compile_quota_warnings(struct compile *c);    /* Tenants and their quotas */
void compile_cohort_warnings(struct compile *c);   /* who lends to whom */
void compile_fleet_warnings(struct compile *c);    /* Accelerators, and what Rules say of their nodes */
void compile_rewrite_warnings(struct compile *c);  /* what Rules rewrite */

#endif
