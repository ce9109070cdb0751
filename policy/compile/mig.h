/* mig: the MIG slices of a model. */
#ifndef POLICY_COMPILE_MIG_H
#define POLICY_COMPILE_MIG_H

#include "policy/compile/context.h"

/* Sets what the model has of `mig`. Returns the model's table, offered or not, and its size; NULL: it is cut into no
 * slices. */
const struct profile *compile_mig(struct compile *c, const struct doc_accelerator *doc, struct model *model,
				  uint32_t *count_out);

/* Sets the slice that is shared, where sharing.resource names one: its own name, or that name and `.shared`. */
void compile_share_slice(struct compile *c, const struct doc_accelerator *doc, const struct profile *table,
			 uint32_t count, struct model *model);

#endif
