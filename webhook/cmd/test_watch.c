#include "webhook/cmd/test_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "webhook/base/file_scan.h"
#include "webhook/base/file_watch.h"
#include "webhook/cli/command.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/suite_files.h"
#include "webhook/cmd/test_output.h"
#include "webhook/cmd/test_run.h"

#define CLEAR "\x1b[H\x1b[2J\x1b[3J" /* Of a terminal: all text, and where the next goes. */

struct watching {
	const struct test_options *options;
	const regex_t *select;
	int signals, changed; /* A signalfd and an eventfd. */
	/* What is read, in addition to the paths of the command line. It only grows. */
	struct seen_files seen;
	uint64_t fingerprint; /* Of all that the last run has read, from before it. */
};

/* --- What the tests depend on --- */

static void scan(struct watch_scan *scan, const char *path, uint64_t *fingerprint)
{
	char *whole = path[0] == '/' ? strdup(path) : NULL;
	char *folder = whole ? NULL : getcwd(NULL, 0);
	if (!whole && (!folder || asprintf(&whole, "%s/%s", folder, path) < 0))
		whole = NULL;
	if (whole)
		watch_scan_path(scan, whole);
	*fingerprint = *fingerprint * 31 + scan->fingerprint;
	free(folder);
	free(whole);
}

struct scanning {
	struct watch_scan scan;
	uint64_t fingerprint;
};

static void scan_suite(void *context, const char *file)
{
	struct scanning *scanning = context;
	scan(&scanning->scan, file, &scanning->fingerprint);
}

/*
 * Of a folder, only its suites count. Otherwise, results that are written to a file within it
 * would run the tests again.
 */
static uint64_t take_fingerprint(const struct watching *w)
{
	struct scanning s = {.fingerprint = 1};
	struct error err = {0};
	watch_scan_init(&s.scan, -1);
	for (size_t i = 0; i < w->options->paths.count; i++)
		suite_files_each(w->options->paths.items[i], scan_suite, &s, &err);
	if (w->options->paths.count == 0)
		suite_files_each(".", scan_suite, &s, &err);
	for (size_t i = 0; i < w->options->policies.count; i++)
		scan(&s.scan, w->options->policies.items[i], &s.fingerprint);
	for (size_t i = 0; i < w->seen.count; i++)
		scan(&s.scan, w->seen.paths[i], &s.fingerprint);
	watch_scan_release(&s.scan);
	return s.fingerprint;
}

/* --- Waiting --- */

static void note_change(void *context)
{
	const struct watching *w = context;
	eventfd_write(w->changed, 1);
}

static struct watch *watch_all(struct watching *w, struct error *err)
{
	struct watch *watch = watch_create(NULL, WATCH_POLL_MS, err);
	static const char *const here[] = {"."};
	const struct option_list *paths = &w->options->paths, *policies = &w->options->policies;
	if (watch &&
	    watch_add(watch, paths->count ? paths->items : here, paths->count ? paths->count : 1, note_change, w,
		      err) == 0 &&
	    watch_add(watch, policies->items, policies->count, note_change, w, err) == 0 &&
	    watch_add(watch, (const char *const *)w->seen.paths, w->seen.count, note_change, w, err) == 0 &&
	    watch_start(watch, err) == 0)
		return watch;
	watch_destroy(watch);
	return NULL;
}

static bool is_interrupted(const struct watching *w)
{
	struct pollfd poller = {.fd = w->signals, .events = POLLIN};
	return poll(&poller, 1, 0) > 0;
}

/* Waits until a signal arrives, or what the tests depend on has changed. Returns 0, or -1. */
static int wait_for_change(struct watching *w, struct error *err)
{
	struct pollfd pollers[] = {{.fd = w->signals, .events = POLLIN}, {.fd = w->changed, .events = POLLIN}};
	struct watch *watch = watch_all(w, err);
	if (!watch)
		return -1;
	/* This sees what has changed since the tests began. What changes later is reported. */
	while (!is_interrupted(w) && take_fingerprint(w) == w->fingerprint) {
		eventfd_t count;
		poll(pollers, 2, -1);
		if (pollers[1].revents)
			eventfd_read(w->changed, &count);
	}
	watch_destroy(watch);
	return 0;
}

/* --- Running --- */

/*
 * Runs the tests until they read nothing new: only then has all that they depend on been looked at
 * before it was read. The results are those of the last time.
 */
static int run_until_known(struct watching *w, struct runner *runner, struct error *err)
{
	for (;;) {
		size_t known = w->seen.count;
		w->fingerprint = take_fingerprint(w);
		int result = test_run(w->options, w->select, w->signals, runner, err);
		for (size_t i = 0; result == 0 && i < runner->results.seen.count; i++)
			if (seen_files_add(&w->seen, runner->results.seen.paths[i]) < 0)
				result = error_set(err, "there is not enough memory");
		if (result < 0 || w->seen.count == known || is_interrupted(w))
			return result;
		runner_release(runner);
	}
}

static int run_once(struct watching *w, int *status, struct error *err)
{
	struct runner runner;
	int result = run_until_known(w, &runner, err);
	if (result == 0 && !is_interrupted(w)) {
		*status = test_status(&runner);
		if (terminal_has_colors(STDOUT_FILENO))
			fputs(CLEAR, stdout);
		result = test_print(w->options, &runner, err);
		fflush(stdout);
	}
	runner_release(&runner);
	return result;
}

static int open_events(struct watching *w, struct error *err)
{
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	w->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	w->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->signals < 0 || w->changed < 0 ? error_set(err, "--watch: %s", strerror(errno)) : 0;
}

int test_watch(const struct test_options *options, const regex_t *select, struct error *err)
{
	struct watching w = {.options = options, .select = select};
	int status = -1, result = open_events(&w, err);
	bool told = false;
	while (result == 0 && !is_interrupted(&w)) {
		result = run_once(&w, &status, err);
		if (result < 0 || is_interrupted(&w))
			break;
		if (!told)
			fputs("gpugate test: waiting for changes; Ctrl+C ends\n", stderr);
		told = true;
		result = wait_for_change(&w, err);
	}
	if (result == 0 && status < 0)
		error_set(err, "it was interrupted before there was a result");
	seen_files_release(&w.seen);
	if (w.signals >= 0)
		close(w.signals);
	if (w.changed >= 0)
		close(w.changed);
	return result < 0 || status < 0 ? EXIT_FAILED : status;
}
