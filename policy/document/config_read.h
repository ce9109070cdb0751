/*
 * config_read: reads one configuration of NVIDIA's device plugin or of mig-parted. schema_nvidia.c
 * has the keys.
 */
#ifndef POLICY_DOCUMENT_CONFIG_READ_H
#define POLICY_DOCUMENT_CONFIG_READ_H

#include "gpugate/nvidia_config.h"
#include "policy/document/config_file.h"

/* What schema_nvidia.c decodes of mig-parted's configuration; the rest is read from its nodes. */
struct config_mig_parted {
	struct location at;
	struct choice version;
};

struct config_mig_devices {
	struct location at;
	struct flag enabled;
};

/*
 * Each reads one configuration. Returns NULL if it is not valid (reported). The decoder's arena
 * owns the result. `layout` is the name of one configuration of mig-parted; absent: all are meant.
 */
const struct doc_device_plugin *config_read_device_plugin(struct decoder *decoder, const struct config_choice *choice,
							  struct arena *nodes);
const struct doc_mig_layout *config_read_mig_layout(struct decoder *decoder, const struct config_choice *choice,
						    struct str layout, struct arena *nodes);

/* Does the same as the latter with the root of the configuration. */
const struct doc_mig_layout *config_read_mig_root(struct decoder *decoder, const struct config_choice *choice,
						  struct str layout, const struct node *root);

/* Whether the text contains the word in any case, as keys of the device plugin may be written. */
bool config_names(struct str text, const char *word);

/* Of which program a map is the configuration. It may have mistakes. */
enum nvidia_config_kind config_kind(const struct node *root);

#endif
