/*
 * config: the configurations of NVIDIA's device plugin and of mig-parted that Accelerators name. A
 * file that does not exist is no problem here; policy/compile decides what follows.
 */
#ifndef POLICY_DOCUMENT_CONFIG_H
#define POLICY_DOCUMENT_CONFIG_H

#include "policy/document/decode.h"

/*
 * Marks the sources that Accelerators name as configurations, so that they are not read as policy.
 * Records their paths in the report. `nodes` is reset.
 */
void config_mark(struct docs *docs, struct arena *nodes, struct report *report);

/*
 * Reads all named configurations into the Accelerators of decoder->docs. Reports problems. Resets
 * `nodes`.
 */
void config_attach(struct decoder *decoder, struct arena *nodes);

#endif
