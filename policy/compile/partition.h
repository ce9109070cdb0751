/* partition: how Accelerators divide the nodes of a resource. */
#ifndef POLICY_COMPILE_PARTITION_H
#define POLICY_COMPILE_PARTITION_H

#include "policy/compile/context.h"

/*
 * Sets the narrower landings of each landing, and reports Accelerators that are ambiguous.
 * `landings` are those of all resources, in order.
 */
void compile_partition(struct compile *c, struct landing *landings);

#endif
