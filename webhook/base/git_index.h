/*
 * git_index: reads the index of a Git repository, which lists the files of the working tree
 * (gitformat-index(5), versions 2 to 4). Does not trust the file. Private to git_status.
 */
#ifndef WEBHOOK_BASE_GIT_INDEX_H
#define WEBHOOK_BASE_GIT_INDEX_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpugate/buf.h"

#define GIT_ID_BYTES_MAX 32 /* Bytes of a SHA-256. */

/* One file, borrowed during the call. */
struct git_entry {
	const char *path; /* Relative to the top directory. */
	size_t path_len;
	/* 0100644, 0100755, 0120000 (a symbolic link), or 0160000 (a submodule). */
	uint32_t mode;
	bool merging; /* An unresolved merge conflict. */
	/*
	 * skip-worktree or intent-to-add: the file is not expected in the working tree, or its
	 * content is not staged.
	 */
	bool absent;
	/* The object ID of the content, `id_bytes` long. */
	const unsigned char *id;
};

struct git_index_reader {
	size_t id_bytes; /* Size of the repository's hashes: 20 or 32. */
	/*
	 * Called for each entry, in byte order of the paths. A nonzero return value stops reading.
	 */
	int (*entry)(void *context, const struct git_entry *entry);
	/*
	 * Called for each directory of the cached tree. `written`: the index entries below it are
	 * those of a tree object that has been written.
	 */
	void (*folder)(void *context, const char *path, bool written);
	void *context;
};

/*
 * Returns 0, or the nonzero value that `entry` returned. Returns -1 if `index` is not an index, or
 * is of a kind that lists only some of the files.
 */
int git_index_read(const struct git_index_reader *reader, struct str index);

#endif
