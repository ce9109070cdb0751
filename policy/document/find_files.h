/*
 * find_files: which files a policy path holds. Opens folders, reads no file.
 */
#ifndef POLICY_DOCUMENT_FIND_FILES_H
#define POLICY_DOCUMENT_FIND_FILES_H

#include "gpugate/arena.h"
#include "gpugate/report.h"
#include "gpugate/str.h"

struct walk_file {
	struct str path; /* NUL-terminated */
	uint64_t device;
	uint64_t inode;
	bool given; /* named by the user, not found in a folder */
};

struct walk_files {
	struct walk_file *items; /* on the heap */
	size_t count;
};

/*
 * Collects every *.yaml and *.yml below the paths, sorted by the bytes of their paths, each file once; a path that is a
 * file is taken whatever its name. Names starting with a dot are skipped. Files with other names are noted in the
 * report as ignored, with a warning where the name or the beginning of the file looks like policy. Symbolic links are
 * followed within the folder that was given; one that leads out of it is a problem, since whoever writes a policy could
 * have any file quoted by it. Paths are the arena's. Problems go to the report. Returns new `items`, to be freed by the
 * caller.
 */
void walk_paths(const char *const *paths, size_t path_count, struct arena *arena, struct walk_files *files,
		struct report *report);

#endif
