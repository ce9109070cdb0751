/* pin: whether `toMig.pin` does what it promises. */
#ifndef POLICY_COMPILE_PIN_H
#define POLICY_COMPILE_PIN_H

#include "policy/compile/context.h"

/* Warns of a pin that leaves the Pod another model with the same slices. */
void compile_pin(struct compile *c, const struct doc_to_mig *doc, const struct model *pinned);

#endif
