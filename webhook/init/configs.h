/*
 * configs: configurations of NVIDIA's device plugin and of mig-parted, which say how the devices of
 * nodes are shared and cut, also where the nodes themselves do not.
 */
#ifndef WEBHOOK_INIT_CONFIGS_H
#define WEBHOOK_INIT_CONFIGS_H

#include "gpugate/buf.h"
#include "webhook/init/fleet.h"

/* Takes the configurations in the data of a ConfigMap. What is not valid is counted. 0 or -1. */
int configs_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err);

/*
 * What is read from now on is in a file of the policy's folder, at a path relative to it; absent:
 * it is elsewhere. Returns 0, or -1 with an error.
 */
int configs_begin_file(struct fleet *fleet, struct str path, struct str text, struct error *err);

/* Takes a text of a file, unless it is no configuration. Returns 0, or -1 with an error. */
int configs_take(struct fleet *fleet, const char *file, struct str text, struct error *err);

/* Completes the groups that no other describes, before their models are known. 0 or -1. */
int configs_apply(struct fleet *fleet, struct error *err);

/* Append comments: from what the sharing and the slices of the group are known. */
void configs_write_sharing(const struct fleet_group *group, struct buf *out);
void configs_write_slices(const struct fleet_group *group, struct buf *out);

/*
 * Appends a comment for each configuration of which no Accelerator is made, and for each in the
 * policy's folder that none names.
 */
void configs_write_unused(const struct fleet *fleet, struct buf *out);

/* Appends a comment about the configurations that were left out, if there are any. */
void configs_write_rest(const struct fleet *fleet, struct buf *out);

#endif
