/* requirements: describes what a Pod must require of its node to run on a model. */
#ifndef POLICY_EVALUATE_REQUIREMENTS_H
#define POLICY_EVALUATE_REQUIREMENTS_H

#include "policy/model/snapshot.h"

#define REQUIREMENTS_MAX 400 /* Maximum bytes of what one model requires. */

/*
 * Prints ` (nodeSelector KEY: VALUE, ... and required node affinity KEY DoesNotExist, ...)` into
 * `out`. It is complete, because the authors of Pods do not see the policy. Prints an empty string
 * if the model requires nothing, or the text does not fit into `size` bytes.
 */
void requirements_print(const struct model *model, char *out, size_t size);

#endif
