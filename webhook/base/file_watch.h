/*
 * file_watch: reports when files change. One thread uses inotify to watch several groups of paths,
 * which can be files or directory trees. It calls back when what a group's paths lead to has
 * changed: contents, names, or a symbolic link anywhere on the way (a ConfigMap's `..data`,
 * git-sync's worktree).
 *
 * It waits until nothing has changed for WATCH_QUIET_MS, but not longer than WATCH_PATIENCE_MS.
 * Paths need not exist yet. Polling finds changes that inotify does not report, such as those on a
 * network file system.
 */
#ifndef WEBHOOK_BASE_FILE_WATCH_H
#define WEBHOOK_BASE_FILE_WATCH_H

#include <stddef.h>

#include "gpugate/error.h"
#include "webhook/base/log.h"

#define WATCH_QUIET_MS 100     /* Quiet time before a callback. */
#define WATCH_PATIENCE_MS 1000 /* Maximum delay of a callback. */
#define WATCH_POLL_MS 30000    /* Poll interval while inotify works. */
/* Poll interval if inotify is unavailable or one of its limits is reached. */
#define WATCH_POLL_DEGRADED_MS 5000

struct watch;

/*
 * Returns new, or NULL with an error. Borrows `log`, which may be NULL. `poll_ms` is WATCH_POLL_MS,
 * or less in tests. If inotify is not available, this logs a warning once and the watch polls.
 */
struct watch *watch_create(struct log *log, int poll_ms, struct error *err);

/*
 * Adds a group and records its current state. Later changes are reported, even those before
 * watch_start. So add the group first, then read the files, then start the watch. Must not be
 * called after watch_start.
 *
 * Copies the paths and borrows `context`. `changed` runs on the watch's thread, so callbacks never
 * run concurrently. Returns -1 with an error if there are too many groups, or without memory.
 */
int watch_add(struct watch *watch, const char *const *paths, size_t count, void (*changed)(void *context),
	      void *context, struct error *err);

/* Starts the thread. Returns -1 with an error on failure. */
int watch_start(struct watch *watch, struct error *err);

/* Makes the watch call every group back soon, whether it has changed or not. Thread-safe. */
void watch_now(struct watch *watch);

/* Stops the thread, waits for a running callback to return, and frees the watch. Accepts NULL. */
void watch_destroy(struct watch *watch);

#endif
