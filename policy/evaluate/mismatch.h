/* mismatch: what a Pod requires of its node that the nodes of a model are not. */
#ifndef POLICY_EVALUATE_MISMATCH_H
#define POLICY_EVALUATE_MISMATCH_H

#include "gpugate/pod.h"
#include "policy/evaluate/placement.h"

/*
 * Prints the first condition of the model that the Pod contradicts, `: KEY is X in the Pod, Y for MODEL`, and how many more there are.
 * Prints nothing where that is not why the placement is unknown, or where it does not fit into `size` bytes.
 */
void mismatch_print(const struct pod *pod, const struct placement *placement, const struct model *model, char *out,
		    size_t size);

#endif
