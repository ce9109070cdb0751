/* replay_input: reads what `gpugate replay` replays: files, recordings in folders, a cluster. */
#ifndef WEBHOOK_CMD_REPLAY_INPUT_H
#define WEBHOOK_CMD_REPLAY_INPUT_H

#include "webhook/cmd/replay_folder.h"
#include "webhook/kube/config.h"

/*
 * Replays a file, standard input ("-"), or a folder. A file may be compressed with gzip. JSON is
 * read in pieces; YAML is read as a whole, up to MANIFEST_BYTES_MAX. Returns 0, or -1 with an error
 * that names the file and the line.
 */
int replay_input(struct replay *replay, const char *path, struct replay_names *names, struct error *err);

/*
 * Replays the Pods of the cluster, with the labels of namespaces and nodes that the policies read.
 * Only lists. Returns 0, or -1 with an error.
 */
int replay_cluster(struct replay *replay, const struct replay_options *options, struct kube_config *config,
		   struct error *err);

#endif
