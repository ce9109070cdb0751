#include "webhook/cmd/replay_input.h"

#include <sys/stat.h>

#include "webhook/cmd/replay_file.h"

int replay_input(struct replay *replay, const char *path, struct replay_names *names, struct error *err)
{
	struct stat status;
	bool folder = strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
	int result = folder ? replay_folder(replay, path, names, err) : replay_file(replay, path, err);
	return result < 0 ? -1 : replay_end_input(replay, err);
}
