/* replay_file: reads a file that `gpugate replay` replays. */
#ifndef WEBHOOK_CMD_REPLAY_FILE_H
#define WEBHOOK_CMD_REPLAY_FILE_H

#include "webhook/simulate/replay.h"

/*
 * Replays a file, or standard input ("-"), of which the end is not noted. It may be compressed with
 * gzip. JSON is read in pieces; YAML is read as a whole, up to MANIFEST_BYTES_MAX. The replay
 * borrows the path. Returns 0, or -1 with an error that names the file and the line.
 */
int replay_file(struct replay *replay, const char *path, struct error *err);

/* Whether a file with this name is one of a recording: it ends in .jsonl or .jsonl.gz. */
bool replay_file_is_recorded(const char *name);

#endif
