/* workload: the kinds of custom resources whose paths are shipped with the program. */
#ifndef POLICY_COMPILE_WORKLOAD_H
#define POLICY_COMPILE_WORKLOAD_H

#include "policy/compile/context.h"

#define WORKLOAD_PODS_MAX 16
#define WORKLOAD_SUSPENDS_MAX 4

/*
 * Returns the document that a policy would contain for such a kind. It is in the scratch arena, and
 * its places are `at`, where the policy names the kind.
 */
struct doc_workload *workload_shipped(struct compile *c, enum shipped_workload kind, struct location at);

#endif
