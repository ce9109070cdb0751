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

/*
 * Returns the resource name by which devices of a class are requested, in the arena of the policy;
 * with a profile, that of a slice of it (class_part.h). Exits by `exhausted` without memory.
 */
struct str compile_class_name(struct compile *c, struct str class, struct str profile);

/* Where the Accelerator lists the class of that resource name. */
struct location compile_class_at(const struct doc_accelerator *doc, struct str name);

#endif
