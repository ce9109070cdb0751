/* mismatch: says which requirements of a Pod the nodes of a model do not meet. */
#ifndef POLICY_EVALUATE_MISMATCH_H
#define POLICY_EVALUATE_MISMATCH_H

#include "gpugate/pod.h"
#include "policy/evaluate/placement.h"

/*
 * Prints the first condition of the model that the Pod contradicts, as `: KEY is X in the Pod, Y
 * for MODEL`, and the number of further ones. Prints an empty string if that is not why the
 * placement is unknown, or if it does not fit into `size` bytes.
 */
void mismatch_print(const struct pod *pod, const struct placement *placement, const struct model *model, char *out,
		    size_t size);

#endif
