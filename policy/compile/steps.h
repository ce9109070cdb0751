/* steps: the steps of compiling, each in the file of its subject. */
#ifndef POLICY_COMPILE_STEPS_H
#define POLICY_COMPILE_STEPS_H

#include "policy/compile/context.h"

/* They run in this order, because each uses what the ones before it have built. */
void compile_settings(struct compile *c);
void compile_namespaces(struct compile *c);
void compile_models(struct compile *c);
void compile_unit(struct compile *c);
void compile_resources(struct compile *c);
void compile_resource_names(struct compile *c);
void compile_tenants(struct compile *c);
void compile_quotas(struct compile *c);
void compile_cohorts(struct compile *c);
void compile_rules(struct compile *c);
void compile_guards(struct compile *c);
void compile_warnings(struct compile *c); /* only of a policy without errors */

#endif
