/* slices: the MIG slices that the Accelerators of a policy offer. */
#ifndef POLICY_MODEL_SLICES_H
#define POLICY_MODEL_SLICES_H

#include <stddef.h>

#include "policy/model/snapshot.h"

/* Whether the name is that of a slice which no Accelerator offers, although some offer others. */
bool slice_is_missing(const struct policy *policy, struct str name);

/*
 * Returns the most similar slice that is offered, or an absent string if none is similar. `work` is
 * as for suggest_word_within; SLICE_WORK is enough for a hundred slices.
 */
#define SLICE_WORK 100000
struct str slice_near(const struct policy *policy, struct str name, uint64_t *work);

#define SLICES_TEXT_MAX 800 /* Bytes for slices_print. */

/* Writes some names of slices that are offered, such as "A, B, C, ...". */
void slices_print(const struct policy *policy, char *out, size_t size);

#endif
