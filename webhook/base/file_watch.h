/*
 * watch: tells when files change. One thread on inotify looks after several groups of paths, files or folder trees, and
 * calls back when what a group's paths lead to is other than before: contents, names, or a symbolic link anywhere on the
 * way (a ConfigMap's `..data`, git-sync's worktree). It waits until things have been quiet for WATCH_QUIET_MS, at most
 * WATCH_PATIENCE_MS. Paths need not exist yet. What inotify cannot tell is found by looking again now and then.
 */
#ifndef WEBHOOK_BASE_FILE_WATCH_H
#define WEBHOOK_BASE_FILE_WATCH_H

#include <stddef.h>

#include "gpugate/error.h"
#include "webhook/base/log.h"

#define WATCH_QUIET_MS 100
#define WATCH_PATIENCE_MS 1000
#define WATCH_POLL_MS 30000         /* looking again anyway */
#define WATCH_POLL_DEGRADED_MS 5000 /* the same where inotify's limits are reached */

struct watch;

/*
 * Returns new; NULL with an error. Borrows `log` (may be NULL). `poll_ms` is WATCH_POLL_MS, or less in tests. Where the
 * machine gives no inotify, it warns once and polls.
 */
struct watch *watch_create(struct log *log, int poll_ms, struct error *err);

/*
 * Adds a group and notes its state: a change from now on is told, even one before watch_start. So: add, then read the files, then
 * start. Copies the paths. `changed` runs on the watch's thread, never twice at once; borrows `context`.
 */
int watch_add(struct watch *watch, const char *const *paths, size_t count, void (*changed)(void *context),
	      void *context, struct error *err);

/* Starts the thread. */
int watch_start(struct watch *watch, struct error *err);

/* Has all groups called back soon, changed or not. Thread-safe. */
void watch_now(struct watch *watch);

/* Stops the thread, waits for a callback under way, and frees. Takes NULL. */
void watch_destroy(struct watch *watch);

#endif
