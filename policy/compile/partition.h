/* partition: how Accelerators divide the nodes of a resource. */
#ifndef POLICY_COMPILE_PARTITION_H
#define POLICY_COMPILE_PARTITION_H

#include "policy/compile/context.h"

/* Which models of a resource are narrower than others; `landings` are those of all resources, in their order. */
void compile_partition(struct compile *c, struct landing *landings);

#endif
