#include "webhook/simulate/seen_files.h"

#include <stdlib.h>
#include <string.h>

#include "gpugate/vec.h"

#define ROOM_LEAST 8

int seen_files_add(struct seen_files *seen, const char *path)
{
	for (size_t i = 0; i < seen->count; i++)
		if (strcmp(seen->paths[i], path) == 0)
			return 0;
	char **paths = vec_room(seen->paths, seen->count, &seen->size, ROOM_LEAST, sizeof *paths);
	if (!paths)
		return -1;
	seen->paths = paths;
	paths[seen->count] = strdup(path);
	if (!paths[seen->count])
		return -1;
	seen->count++;
	return 0;
}

void seen_files_release(struct seen_files *seen)
{
	for (size_t i = 0; i < seen->count; i++)
		free(seen->paths[i]);
	free(seen->paths);
	*seen = (struct seen_files){NULL, 0, 0};
}
