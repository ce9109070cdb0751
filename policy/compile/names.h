/* names: names of resources in quotas and Rules. */
#ifndef POLICY_COMPILE_NAMES_H
#define POLICY_COMPILE_NAMES_H

#include "policy/compile/context.h"

/* Reports a resource that neither the policy nor the catalog knows. `quota`: a glob and what is no accelerator are
 * fine, else neither is. Returns whether it is known. */
bool compile_known_resource(struct compile *c, const struct text *name, bool quota);

/* Reports a resource that is written as in a ResourceQuota. Returns whether it is. */
bool compile_resource_prefix(struct compile *c, const struct text *name);

/* Reports what a quota names and cannot count, and sets its `names_others`. Returns whether nothing was reported. */
bool compile_quota_names(struct compile *c, const struct doc_quota *doc, struct quota *quota);

#endif
