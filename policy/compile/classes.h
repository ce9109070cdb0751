/* classes: the device classes (dynamic resource allocation) that Accelerators list. */
#ifndef POLICY_COMPILE_CLASSES_H
#define POLICY_COMPILE_CLASSES_H

#include "policy/compile/context.h"

/*
 * Sets the classes of the model. `table` has its MIG profiles, offered or not; reports one that it
 * does not have.
 */
void compile_classes(struct compile *c, const struct doc_accelerator *doc, const struct profile *table, uint32_t count,
		     struct model *model);

/* Where the Accelerator lists the class of that resource name. */
struct location compile_class_at(const struct doc_accelerator *doc, struct str name);

#endif
