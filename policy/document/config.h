/*
 * config: reads the configurations of NVIDIA's device plugin and of mig-parted that Accelerators
 * name. A file that does not exist is not an error here; policy/compile decides what follows.
 */
#ifndef POLICY_DOCUMENT_CONFIG_H
#define POLICY_DOCUMENT_CONFIG_H

#include "policy/document/config_file.h"

/* The part of mig-parted's configuration that schema_nvidia.c decodes. config.c reads the rest. */
struct config_mig_parted {
	struct place at;
	struct choice version;
};

struct config_mig_devices {
	struct place at;
	struct flag enabled;
};

/*
 * Marks the sources that Accelerators name as configurations, so that they are not read as policy.
 * Records their paths in the report. Resets `nodes`.
 */
void config_mark(struct docs *docs, struct arena *nodes, struct report *report);

/*
 * Reads all named configurations into the Accelerators of decoder->docs. Reports problems. Resets
 * `nodes`.
 */
void config_attach(struct decoder *decoder, struct arena *nodes);

/*
 * Each reads one configuration. Returns NULL if it is not valid (reported). The decoder's arena
 * owns the result. `layout` is the name of one layout of mig-parted; absent: all of them.
 */
const struct doc_device_plugin *config_read_device_plugin(struct decoder *decoder, const struct config_choice *choice,
							  struct arena *nodes);
const struct doc_mig_layout *config_read_mig_layout(struct decoder *decoder, const struct config_choice *choice,
						    struct str layout, struct arena *nodes);

#endif
