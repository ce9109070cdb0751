/* pin: whether `toMig.pin` is effective. */
#ifndef POLICY_COMPILE_PIN_H
#define POLICY_COMPILE_PIN_H

#include "policy/compile/context.h"

/* Warns if a pinned Pod may land on another model with the same slices. */
void compile_pin(struct compile *c, const struct doc_to_mig *doc, const struct model *pinned);

#endif
