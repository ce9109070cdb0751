/* replay_input: reads what `gpugate replay` replays: files, recordings in folders, a cluster. */
#ifndef WEBHOOK_CMD_REPLAY_INPUT_H
#define WEBHOOK_CMD_REPLAY_INPUT_H

#include "webhook/kube/config.h"
#include "webhook/simulate/replay.h"

/* The names of files in folders, which a replay borrows. Zeroed at first. */
struct replay_names {
	char **items;
	size_t count, size;
};
void replay_names_release(struct replay_names *names);

/*
 * Replays a file, standard input ("-"), or a folder. A file may be compressed with gzip. JSON is
 * read in pieces; YAML is read as a whole, up to MANIFEST_BYTES_MAX. Returns 0, or -1 with an error
 * that names the file and the line.
 */
int replay_input(struct replay *replay, const char *path, struct replay_names *names, struct error *err);

/* The same for a file or standard input, of which the end is not noted. */
int replay_input_file(struct replay *replay, const char *path, struct error *err);

/*
 * The same for a folder: the recording in it, which are its files with such names, sorted by name;
 * or else the manifests in it and below it, as manifests_find finds them.
 */
int replay_folder(struct replay *replay, const char *path, struct replay_names *names, struct error *err);

/* Whether a file with this name is one of a recording: it ends in .jsonl or .jsonl.gz. */
bool replay_input_is_recording(const char *name);

/*
 * Replays the Pods of the cluster, with the labels of namespaces and nodes that the policies read.
 * Only lists. Returns 0, or -1 with an error.
 */
int replay_cluster(struct replay *replay, const struct replay_options *options, struct kube_config *config,
		   struct error *err);

#endif
