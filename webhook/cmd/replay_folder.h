/* replay_folder: reads a folder that `gpugate replay` replays. */
#ifndef WEBHOOK_CMD_REPLAY_FOLDER_H
#define WEBHOOK_CMD_REPLAY_FOLDER_H

#include "webhook/simulate/replay.h"

/* The names of files in folders, which a replay borrows. Zeroed at first. */
struct replay_names {
	char **items;
	size_t count, size;
};
void replay_names_release(struct replay_names *names);

/*
 * Replays the recording in a folder, which are its files with such names, sorted by name; or else
 * the manifests in it and below it, as manifests_find finds them. What is neither is noted. Returns
 * 0, or -1 with an error.
 */
int replay_folder(struct replay *replay, const char *path, struct replay_names *names, struct error *err);

#endif
