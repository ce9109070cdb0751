/* seen_files: the files and folders that a run of tests has read, for those who watch them. */
#ifndef WEBHOOK_SIMULATE_SEEN_FILES_H
#define WEBHOOK_SIMULATE_SEEN_FILES_H

#include <stddef.h>

struct seen_files {
	char **paths; /* Owned. */
	size_t count, size;
};

/* Adds a path, which is copied, unless it is there. Returns 0, or -1 without memory. */
int seen_files_add(struct seen_files *seen, const char *path);
void seen_files_release(struct seen_files *seen); /* Also accepts a zeroed one. */

#endif
