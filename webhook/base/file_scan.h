/*
 * watch_scan: one look at everything that a path leads through and holds: which folders to watch with inotify, and a
 * fingerprint of what is there now. A folder is watched before it is read, so that no change falls between the two. Not
 * thread-safe.
 */
#ifndef WEBHOOK_BASE_FILE_SCAN_H
#define WEBHOOK_BASE_FILE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an event has to be about to matter. */
struct watch_interest {
	int wd;     /* inotify's number of a folder */
	char *name; /* of an entry of it; NULL: all entries but those that begin with a dot */
};

struct watch_scan {
	int inotify; /* -1: look only, watch nothing */
	struct watch_interest *items;
	size_t count, size;
	uint64_t fingerprint; /* of the path scanned last; changes when anything does, touched files included */
	size_t entries;       /* looked at so far */
	int problem;          /* errno of the first folder that could not be watched; 0: all are */
};

void watch_scan_init(struct watch_scan *scan, int inotify);
void watch_scan_release(struct watch_scan *scan);

/*
 * Looks at `path` (absolute, a file or a folder, or not there yet): at each component of it, through all symbolic links,
 * and in a folder at everything below. Names that begin with a dot are passed over below the path. Adds to `items`, and
 * sets `fingerprint`.
 */
void watch_scan_path(struct watch_scan *scan, const char *path);

/* Sorts the interests, after the last path. */
void watch_scan_sort(struct watch_scan *scan);

/* Whether an event matters. `name` is empty for an event of the folder itself. Needs watch_scan_sort. */
bool watch_scan_concerns(const struct watch_scan *scan, int wd, const char *name);

/* Whether the folder is among those to be watched. Needs watch_scan_sort. */
bool watch_scan_has(const struct watch_scan *scan, int wd);

#endif
