/*
 * git_index: the index of a Git repository, which lists the files of its working tree (gitformat-index(5), versions 2 to 4).
 * Trusts none of what it reads. Private to git_status.
 */
#ifndef WEBHOOK_BASE_GIT_INDEX_H
#define WEBHOOK_BASE_GIT_INDEX_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpugate/buf.h"

#define GIT_ID_BYTES_MAX 32 /* a SHA-256 */

/* One file, borrowed during the call. */
struct git_entry {
	const char *path; /* from the top folder */
	size_t path_len;
	uint32_t mode; /* 0100644, 0100755, 0120000 (a symbolic link), 0160000 (a submodule) */
	bool merging;  /* a conflict that is not resolved */
	bool absent;   /* left out of the working tree on purpose, or announced without a content */
	const unsigned char *id;
};

struct git_index_reader {
	size_t id_bytes; /* of the repository's hashes: 20 or 32 */
	/* Called for each entry, in the order of the paths' bytes. Returning other than 0 ends the reading. */
	int (*entry)(void *context, const struct git_entry *entry);
	/* Called for each folder of the cached trees: whether the index has nothing in it that was not written as a tree. */
	void (*folder)(void *context, const char *path, bool written);
	void *context;
};

/* Returns 0; what `entry` returned; -1: it is not an index, or one of a kind that lists only a part of the files. */
int git_index_read(const struct git_index_reader *reader, struct str index);

#endif
