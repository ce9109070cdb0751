/* mig: the MIG slices of a model. */
#ifndef POLICY_COMPILE_MIG_H
#define POLICY_COMPILE_MIG_H

#include "policy/compile/context.h"

/*
 * Sets the members of the model that come from `mig`. Returns the model's table of profiles,
 * offered or not, and its size. Returns NULL if the model is not partitioned, or if there is no
 * table (reported).
 */
const struct profile *compile_mig(struct compile *c, const struct doc_accelerator *doc, struct model *model,
				  uint32_t *count_out);

/*
 * Returns the profile of that name in a table. Otherwise reports it and returns NULL. Without a
 * table, which has been reported, only returns NULL.
 */
const struct profile *compile_find_profile(struct compile *c, const struct text *name, const struct profile *table,
					   uint32_t count);

/*
 * Sets the slice that is shared, if sharing.resource is the name of a slice, with or without
 * `.shared`.
 */
void compile_share_slice(struct compile *c, const struct doc_accelerator *doc, const struct profile *table,
			 uint32_t count, struct model *model);

#endif
