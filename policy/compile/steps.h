/* steps: the compile steps, each in the file of its subject. */
#ifndef POLICY_COMPILE_STEPS_H
#define POLICY_COMPILE_STEPS_H

#include "policy/compile/context.h"

/* They run in this order, because each uses the results of the previous ones. */
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
void compile_workloads(struct compile *c);
/* Only for a policy without errors. */
void compile_warnings(struct compile *c);

#endif
