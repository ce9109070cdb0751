/* names: checks names of resources in quotas and Rules. */
#ifndef POLICY_COMPILE_NAMES_H
#define POLICY_COMPILE_NAMES_H

#include "policy/compile/context.h"

/*
 * Reports a resource that neither the policy nor the catalog knows. `quota` tells whether globs and
 * resources that are not accelerators are accepted. Returns whether the resource is known and
 * usable.
 */
bool compile_known_resource(struct compile *c, const struct text *name, bool quota);

/* Reports a resource that is written as in a ResourceQuota. Returns whether it is. */
bool compile_resource_prefix(struct compile *c, const struct text *name);

/*
 * Reports resources that a quota names but cannot count, and sets its `names_others`. Returns
 * whether nothing was reported.
 */
bool compile_quota_names(struct compile *c, const struct doc_quota *doc, struct quota *quota);

#endif
