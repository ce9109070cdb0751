/*
 * find_files: finds the files that belong to a policy path. It opens folders, but reads of a file
 * at most the beginning, to warn about one that is ignored because of its name.
 */
#ifndef POLICY_DOCUMENT_FIND_FILES_H
#define POLICY_DOCUMENT_FIND_FILES_H

#include "gpugate/arena.h"
#include "gpugate/report.h"
#include "gpugate/str.h"

struct found_file {
	struct str path; /* NUL-terminated. */
	uint64_t device;
	uint64_t inode;
	bool given;        /* Named by the user, not found in a folder. */
	uint32_t root_len; /* See struct source. */
};

struct found_files {
	struct found_file *items; /* On the heap. */
	size_t count;
};

/*
 * Collects every *.yaml and *.yml file below the paths, each file once, sorted by the bytes of
 * their paths. A path that names a file is taken whatever its name. Names that begin with a dot are
 * skipped.
 *
 * Files with other names are recorded in the report as ignored, with a warning if the name or the
 * beginning of the file looks like policy. Symbolic links are followed inside the folder that was
 * given. A link that leads out of it is an error: otherwise the author of a policy could make error
 * messages quote any file of the host.
 *
 * The arena owns the paths. Problems go to the report. Returns new `items`, which the caller frees.
 */
void find_files(const char *const *paths, size_t path_count, struct arena *arena, struct found_files *files,
		struct report *report);

/* Does the same, and collects every *.json file as well. */
void walk_manifests(const char *const *paths, size_t path_count, struct arena *arena, struct found_files *files,
		    struct report *report);

#endif
