#include "webhook/base/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "webhook/base/file_scan.h"
#include "webhook/base/thread.h"

#define GROUPS_MAX 8
#define STACK_BYTES (512 << 10) /* The callbacks load policies on this stack. */

struct group {
	char **paths;
	size_t count;
	void (*changed)(void *context);
	void *context;
	uint64_t fingerprint;
	bool dirty; /* The callback is due. */
};

struct watch {
	struct log *log;
	int poll_ms;
	int inotify; /* -1: not available. */
	int wakeup;  /* An eventfd. */
	/* The degraded state was logged; from then on files are polled more often. */
	bool warned;
	bool started;
	/* Requests from other threads: stop, or call every group back. */
	atomic_bool stop, now;
	pthread_t thread;
	struct watch_scan scan; /* The directories that are watched now. */
	struct group groups[GROUPS_MAX];
	size_t group_count;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void warn_degraded(struct watch *watch, int problem)
{
	if (watch->warned)
		return;
	watch->warned = true;
	char text[256];
	int len =
	    snprintf(text, sizeof text,
		     "inotify: %s; files are looked at every %d seconds instead. Raise fs.inotify.max_user_watches and "
		     "fs.inotify.max_user_instances on the node",
		     strerror(problem), WATCH_POLL_DEGRADED_MS / 1000);
	struct log_field field = {.key = "message", .text = {text, (size_t)len}};
	log_event(watch->log, LOG_WARN, "watch_degraded", &field, 1);
}

struct watch *watch_create(struct log *log, int poll_ms, struct error *err)
{
	struct watch *watch = calloc(1, sizeof *watch);
	int wakeup = watch ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	if (wakeup < 0) {
		error_set(err, "cannot watch files: %s", strerror(errno));
		free(watch);
		return NULL;
	}
	watch->log = log;
	watch->poll_ms = poll_ms;
	watch->wakeup = wakeup;
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->inotify < 0)
		warn_degraded(watch, errno);
	watch_scan_init(&watch->scan, watch->inotify);
	return watch;
}

/*
 * Scans all groups again, watches the directories that now matter, and stops watching the others.
 */
static void rescan(struct watch *watch)
{
	struct watch_scan scan;
	watch_scan_init(&scan, watch->inotify);
	for (size_t i = 0; i < watch->group_count; i++) {
		struct group *group = &watch->groups[i];
		uint64_t fingerprint = 0;
		for (size_t j = 0; j < group->count; j++) {
			watch_scan_path(&scan, group->paths[j]);
			fingerprint = fingerprint * 31 + scan.fingerprint;
		}
		group->dirty = group->dirty || fingerprint != group->fingerprint;
		group->fingerprint = fingerprint;
	}
	watch_scan_sort(&scan);
	for (size_t i = 0; i < watch->scan.count; i++)
		if (!watch_scan_has(&scan, watch->scan.items[i].wd))
			inotify_rm_watch(watch->inotify, watch->scan.items[i].wd);
	if (scan.problem)
		warn_degraded(watch, scan.problem);
	watch_scan_release(&watch->scan);
	watch->scan = scan;
}

static char *absolute(const char *path)
{
	char *text = NULL;
	if (path[0] == '/')
		return strdup(path);
	char *folder = getcwd(NULL, 0);
	if (!folder || asprintf(&text, "%s/%s", folder, path) < 0)
		text = NULL;
	free(folder);
	return text;
}

static void release_group(struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		free(group->paths[i]);
	free(group->paths);
}

int watch_add(struct watch *watch, const char *const *paths, size_t count, void (*changed)(void *context),
	      void *context, struct error *err)
{
	if (watch->group_count == GROUPS_MAX)
		return error_set(err, "more than %d groups of watched files", GROUPS_MAX);
	struct group group = {.changed = changed, .context = context, .paths = calloc(count + 1, sizeof(char *))};
	bool failed = !group.paths;
	while (!failed && group.count < count) {
		group.paths[group.count] = absolute(paths[group.count]);
		failed = !group.paths[group.count];
		group.count += !failed;
	}
	if (failed) {
		release_group(&group);
		return error_set(err, "cannot watch files: not enough memory");
	}
	watch->groups[watch->group_count++] = group;
	rescan(watch);
	watch->groups[watch->group_count - 1].dirty = false;
	return 0;
}

/* Reads all pending inotify events. Returns whether any of them matters. */
static bool drain_events(struct watch *watch)
{
	_Alignas(struct inotify_event) char bytes[8192];
	bool concerned = false;
	ssize_t len;
	while ((len = read(watch->inotify, bytes, sizeof bytes)) > 0) {
		for (ssize_t at = 0; at < len;) {
			const struct inotify_event *event = (const void *)(bytes + at);
			at += (ssize_t)(sizeof *event + event->len);
			if (event->mask & IN_Q_OVERFLOW)
				concerned = true;
			else if (!(event->mask & IN_IGNORED))
				concerned |=
				    watch_scan_concerns(&watch->scan, event->wd, event->len ? event->name : "");
		}
	}
	return concerned;
}

/* Waits until `due` at the latest. Returns whether an event that matters arrived before. */
static bool wait_events(struct watch *watch, int64_t due)
{
	struct pollfd pollers[2] = {{.fd = watch->wakeup, .events = POLLIN}, {.fd = watch->inotify, .events = POLLIN}};
	int64_t left = due - now_ms();
	if (poll(pollers, 2, left > 0 ? (int)(left < INT_MAX ? left : INT_MAX) : 0) <= 0)
		return false;
	uint64_t count;
	if (pollers[0].revents && read(watch->wakeup, &count, sizeof count) < 0)
		count = 0;
	return pollers[1].revents && drain_events(watch);
}

static bool interrupted(struct watch *watch)
{
	return atomic_load(&watch->stop) || atomic_load(&watch->now);
}

/* Waits for an event and then until events stop, or until the next poll is due. */
static void wait_for_change(struct watch *watch)
{
	bool degraded = watch->warned && watch->poll_ms > WATCH_POLL_DEGRADED_MS;
	int64_t poll_due = now_ms() + (degraded ? WATCH_POLL_DEGRADED_MS : watch->poll_ms);
	while (!interrupted(watch) && now_ms() < poll_due) {
		if (!wait_events(watch, poll_due))
			continue;
		int64_t patience = now_ms() + WATCH_PATIENCE_MS, quiet;
		do {
			quiet = now_ms() + WATCH_QUIET_MS;
			quiet = quiet < patience ? quiet : patience;
			while (!interrupted(watch) && now_ms() < quiet && !wait_events(watch, quiet))
				;
		} while (!interrupted(watch) && now_ms() < quiet);
		return;
	}
}

static void *run_watch(void *argument)
{
	struct watch *watch = argument;
	while (!atomic_load(&watch->stop)) {
		wait_for_change(watch);
		if (atomic_load(&watch->stop))
			break;
		bool all = atomic_exchange(&watch->now, false);
		rescan(watch);
		for (size_t i = 0; i < watch->group_count; i++) {
			struct group *group = &watch->groups[i];
			if (!all && !group->dirty)
				continue;
			group->dirty = false;
			group->changed(group->context);
		}
	}
	return NULL;
}

int watch_start(struct watch *watch, struct error *err)
{
	int problem = thread_start(&watch->thread, STACK_BYTES, run_watch, watch);
	if (problem)
		return error_set(err, "cannot start the thread that watches files: %s", strerror(problem));
	watch->started = true;
	return 0;
}

static void wake(struct watch *watch)
{
	uint64_t one = 1;
	ssize_t written = write(watch->wakeup, &one, sizeof one);
	/* Fails only if the counter is full. Then the thread has a wakeup pending anyway. */
	(void)written;
}

void watch_now(struct watch *watch)
{
	atomic_store(&watch->now, true);
	wake(watch);
}

void watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	atomic_store(&watch->stop, true);
	wake(watch);
	if (watch->started)
		pthread_join(watch->thread, NULL);
	watch_scan_release(&watch->scan);
	for (size_t i = 0; i < watch->group_count; i++)
		release_group(&watch->groups[i]);
	if (watch->inotify >= 0)
		close(watch->inotify);
	close(watch->wakeup);
	free(watch);
}
