/* requirements: what a Pod has to require of its node to land on a model, as a sentence says it. */
#ifndef POLICY_EVALUATE_REQUIREMENTS_H
#define POLICY_EVALUATE_REQUIREMENTS_H

#include "policy/model/snapshot.h"

#define REQUIREMENTS_MAX 400 /* bytes of what one model requires */

/*
 * Prints ` (nodeSelector KEY: VALUE, ... and required node affinity KEY DoesNotExist, ...)` into `out`, all of it, since those who write Pods
 * do not see the policy. Prints nothing where the model requires nothing, or more than the room of `size` bytes.
 */
void requirements_print(const struct model *model, char *out, size_t size);

#endif
