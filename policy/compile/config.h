/* config: Accelerators that name the configurations of NVIDIA's programs. */
#ifndef POLICY_COMPILE_CONFIG_H
#define POLICY_COMPILE_CONFIG_H

#include "policy/compile/context.h"

/*
 * Returns the Accelerator with the values of the configurations that it names, where it does not
 * give them itself. Warns if both differ, and if a file is missed. Returns `doc` if it names none,
 * otherwise a copy in the scratch arena.
 */
const struct doc_accelerator *compile_configured(struct compile *c, const struct doc_accelerator *doc);

/*
 * Warns where `mig.offered` differs from the layout that the Accelerator names. `table` has the
 * profiles of the model.
 */
void compile_compare_offered(struct compile *c, const struct doc_mig *mig, const struct profile *table, uint32_t count);

/* Sets the profiles that the layout of an Accelerator offers, if it says nothing itself. */
void compile_layout(struct compile *c, const struct doc_mig *mig, const struct profile *table, uint32_t count,
		    struct model *model);

#endif
