/*
 * file_scan: scans everything that a path leads through and contains. The result is the directories
 * to watch with inotify, and a fingerprint of the current state. Each directory is watched before
 * it is read, so that no change in between is lost. Not thread-safe.
 */
#ifndef WEBHOOK_BASE_FILE_SCAN_H
#define WEBHOOK_BASE_FILE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which events of one directory matter. */
struct watch_interest {
	int wd; /* The directory's inotify watch descriptor. */
	/* The entry of interest. NULL: all entries except those that begin with a dot. */
	char *name;
};

struct watch_scan {
	int inotify; /* An inotify instance, borrowed; -1: scan without watching. */
	struct watch_interest *items;
	size_t count, size;
	/*
	 * Of the last path scanned. It changes whenever a file, a link, or the tree does, even if a
	 * file is only touched.
	 */
	uint64_t fingerprint;
	size_t entries; /* Number of directory entries scanned so far. */
	int problem;    /* errno if a directory could not be watched or memory ran out; or 0. */
};

void watch_scan_init(struct watch_scan *scan, int inotify);

/* Frees the interests. Does not remove the inotify watches. */
void watch_scan_release(struct watch_scan *scan);

/*
 * Scans `path`, which must be absolute. It may be a file or a directory, or may not exist yet.
 * Visits each component, through all symbolic links, and all entries below a directory. Below
 * `path`, names that begin with a dot are skipped. Adds to `items` and sets `fingerprint`.
 */
void watch_scan_path(struct watch_scan *scan, const char *path);

/* Sorts the interests. Call it after the last path. */
void watch_scan_sort(struct watch_scan *scan);

/*
 * Whether an event matters. `name` is empty for an event of the directory itself. Requires
 * watch_scan_sort.
 */
bool watch_scan_concerns(const struct watch_scan *scan, int wd, const char *name);

/* Whether the directory is among those to be watched. Requires watch_scan_sort. */
bool watch_scan_has(const struct watch_scan *scan, int wd);

#endif
