/*
 * choices: which configurations of NVIDIA's device plugin and of mig-parted nodes choose by their
 * labels, and what that leaves open. Configurations are read before nodes.
 */
#ifndef WEBHOOK_INIT_CHOICES_H
#define WEBHOOK_INIT_CHOICES_H

#include "gpugate/buf.h"
#include "webhook/init/fleet.h"

#define PLUGIN_LABEL "nvidia.com/device-plugin.config"
#define LAYOUT_LABEL "nvidia.com/mig.config"

/* Keeps a key in the data of a ConfigMap, which a node may name. Returns 0, or -1 with an error. */
int choices_add_key(struct fleet *fleet, struct str key, struct error *err);

/*
 * Adds what a node with GPUs chooses; its labels are those of Kubernetes. Returns 0, or -1 with an
 * error.
 */
int choices_note(struct fleet *fleet, struct fleet_group *group, struct str node, const struct pairs *labels,
		 struct error *err);

/*
 * Finds whether the group stays without a configuration because its nodes choose several, and do
 * not say themselves how their devices are shared.
 */
void choices_find_open(const struct fleet *fleet, struct fleet_group *group);

/* Appends a comment to an Accelerator whose nodes choose several configurations. */
void choices_write_open(const struct fleet_group *group, struct buf *out);

/* Appends a comment for each configuration that a node names and that was not read. */
void choices_write_unread(const struct fleet *fleet, struct buf *out);

#endif
