/*
 * test_file_watch: tests webhook/base/file_watch.c with real files: ConfigMap mounts, git-sync,
 * symbolic links, debouncing, and polling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "webhook/base/file_watch.h"

/* Allows for a busy machine. */
#define SLACK_MS 20000
#define LONG_POLL_MS 600000

/* Every test works in a folder of its own, `root`. */
struct fixture {
	char root[64];
	struct watch *watch;
	atomic_int policy, certificate; /* Number of callbacks so far. */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->root, sizeof f->root, "/tmp/gpugate-watch-XXXXXX");
	*state = f;
	return f && mkdtemp(f->root) && chdir(f->root) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];
	watch_destroy(f->watch);
	snprintf(command, sizeof command, "rm -rf '%s'", f->root);
	int status = chdir("/") == 0 ? system(command) : -1;
	free(f);
	return status;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void folder(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void link_to(const char *target, const char *path)
{
	assert_int_equal(symlink(target, path), 0);
}

/* Replaces a symbolic link atomically, as ConfigMap mounts and git-sync do. */
static void swap_link(const char *target, const char *path)
{
	link_to(target, "tmp-link");
	assert_int_equal(rename("tmp-link", path), 0);
}

static void on_policy(void *context)
{
	atomic_fetch_add(&((struct fixture *)context)->policy, 1);
}

static void on_certificate(void *context)
{
	atomic_fetch_add(&((struct fixture *)context)->certificate, 1);
}

static void watch_at(struct fixture *f, const char *policy, const char *certificate, int poll_ms)
{
	struct error err = {0};
	f->watch = watch_create(NULL, poll_ms, &err);
	assert_non_null(f->watch);
	assert_int_equal(watch_add(f->watch, &policy, 1, on_policy, f, &err), 0);
	if (certificate)
		assert_int_equal(watch_add(f->watch, &certificate, 1, on_certificate, f, &err), 0);
	assert_int_equal(watch_start(f->watch, &err), 0);
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void wait_for_one(atomic_int *count, int line)
{
	int waited = 0;
	while (atomic_load(count) == 0 && waited < SLACK_MS) {
		sleep_ms(10);
		waited += 10;
	}
	if (atomic_load(count) == 0)
		fail_msg("no callback for line %d", line);
}

/* Waits for a callback, waits until nothing happens any more, and resets the count. */
static void expect(atomic_int *count, int line)
{
	wait_for_one(count, line);
	sleep_ms(2 * WATCH_QUIET_MS + 100);
	atomic_store(count, 0);
}
#define EXPECT(count) expect(count, __LINE__)

static void expect_none(atomic_int *count)
{
	sleep_ms(3 * WATCH_QUIET_MS);
	assert_int_equal(atomic_load(count), 0);
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	folder("policy");
	put("policy/a.yaml", "a");
	watch_at(f, "policy", NULL, LONG_POLL_MS);
	expect_none(&f->policy);
	put("policy/a.yaml", "b");
	EXPECT(&f->policy);
	put("policy/b.yaml", "new");
	EXPECT(&f->policy);
	put("policy/.b.yaml.swp", "an editor's");
	expect_none(&f->policy);
	put("policy/4913", "an editor's");
	unlink("policy/4913");
	rename("policy/a.yaml", "policy/a.yaml~");
	put("policy/a.yaml", "c");
	unlink("policy/a.yaml~");
	EXPECT(&f->policy);
	unlink("policy/b.yaml");
	EXPECT(&f->policy);
	put("beside.yaml", "x");
	expect_none(&f->policy);
}

static void test_folders(void **state)
{
	struct fixture *f = *state;
	folder("policy");
	watch_at(f, "policy", NULL, LONG_POLL_MS);
	folder("policy/team");
	put("policy/team/a.yaml", "a");
	EXPECT(&f->policy);
	put("policy/team/a.yaml", "b");
	EXPECT(&f->policy);
	rename("policy/team", "policy/moved");
	EXPECT(&f->policy);
	put("policy/moved/a.yaml", "c");
	EXPECT(&f->policy);
	rename("policy/moved", "outside");
	EXPECT(&f->policy);
	put("outside/a.yaml", "d");
	expect_none(&f->policy);
	rename("policy", "old");
	EXPECT(&f->policy);
	folder("policy");
	put("policy/a.yaml", "a");
	EXPECT(&f->policy);
	put("old/a.yaml", "a");
	expect_none(&f->policy);
	unlink("policy/a.yaml");
	rmdir("policy");
	EXPECT(&f->policy);
	folder("policy");
	EXPECT(&f->policy);
	put("policy/a.yaml", "again");
	EXPECT(&f->policy);
}

static void test_path_that_is_not_there_yet(void **state)
{
	struct fixture *f = *state;
	watch_at(f, "a/b/policy", NULL, LONG_POLL_MS);
	folder("a");
	EXPECT(&f->policy);
	folder("a/b");
	EXPECT(&f->policy);
	folder("a/b/policy");
	put("a/b/policy/x.yaml", "x");
	EXPECT(&f->policy);
	put("a/b/policy/x.yaml", "y");
	EXPECT(&f->policy);
}

static void test_config_map(void **state)
{
	struct fixture *f = *state;
	folder("mount");
	folder("mount/..1");
	put("mount/..1/a.yaml", "one");
	link_to("..1", "mount/..data");
	link_to("..data/a.yaml", "mount/a.yaml");
	watch_at(f, "mount", NULL, LONG_POLL_MS);
	folder("mount/..2");
	put("mount/..2/a.yaml", "two");
	swap_link("..2", "mount/..data");
	EXPECT(&f->policy);
	unlink("mount/..1/a.yaml");
	rmdir("mount/..1");
	expect_none(&f->policy);
	folder("mount/..3");
	put("mount/..3/a.yaml", "three");
	swap_link("..3", "mount/..data");
	EXPECT(&f->policy);
}

/* git-sync: the symbolic link is a parent of the watched path. */
static void test_git_sync(void **state)
{
	struct fixture *f = *state;
	folder("git");
	folder("git/.worktrees");
	folder("git/.worktrees/1");
	folder("git/.worktrees/1/policy");
	put("git/.worktrees/1/policy/a.yaml", "one");
	link_to(".worktrees/1", "git/current");
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/git/current/policy", f->root);
	watch_at(f, path, NULL, LONG_POLL_MS);
	for (int round = 2; round < 5; round++) {
		snprintf(path, sizeof path, "git/.worktrees/%d", round);
		folder(path);
		snprintf(path, sizeof path, "git/.worktrees/%d/policy", round);
		folder(path);
		snprintf(path, sizeof path, "git/.worktrees/%d/policy/a.yaml", round);
		put(path, "next");
		expect_none(&f->policy);
		/* Absolute and relative targets. */
		snprintf(path, sizeof path, "%s/git/.worktrees/%d", f->root, round);
		swap_link(path + (round % 2 ? strlen(f->root) + strlen("/git/") : 0), "git/current");
		EXPECT(&f->policy);
		put("git/current/policy/a.yaml", "edited");
		EXPECT(&f->policy);
	}
}

static void test_links_in_the_tree(void **state)
{
	struct fixture *f = *state;
	folder("policy");
	folder("shared");
	folder("shared/deep");
	put("shared/deep/a.yaml", "a");
	link_to("../shared", "policy/shared");
	link_to("..", "policy/loop");
	link_to("self", "policy/self");
	link_to("nowhere", "policy/dangling");
	watch_at(f, "policy", NULL, LONG_POLL_MS);
	expect_none(&f->policy);
	put("shared/deep/a.yaml", "b");
	EXPECT(&f->policy);
	folder("elsewhere");
	put("elsewhere/c.yaml", "c");
	swap_link("../elsewhere", "policy/shared");
	EXPECT(&f->policy);
	put("elsewhere/c.yaml", "d");
	EXPECT(&f->policy);
	put("policy/nowhere", "found");
	EXPECT(&f->policy);
}

static void test_groups(void **state)
{
	struct fixture *f = *state;
	folder("policy");
	folder("tls");
	put("tls/tls.crt", "one");
	watch_at(f, "policy", "tls/tls.crt", LONG_POLL_MS);
	put("tls/tls.crt", "two");
	EXPECT(&f->certificate);
	put("tls/other", "x");
	expect_none(&f->certificate);
	put("tls/new", "three");
	rename("tls/new", "tls/tls.crt");
	EXPECT(&f->certificate);
	assert_int_equal(atomic_load(&f->policy), 0);
	put("policy/a.yaml", "a");
	EXPECT(&f->policy);
	assert_int_equal(atomic_load(&f->certificate), 0);
	watch_now(f->watch);
	EXPECT(&f->policy);
	EXPECT(&f->certificate);
}

static long monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Writes `count` times, to the `same` file or to different ones, `pause_ms` apart. Returns the
 * maximum number of notifications that may result. That is one at the end, one for each time that
 * the maximum delay was reached, and one for each pause that a slow machine made long enough to
 * count as quiet.
 */
static long write_often(int count, bool same, long pause_ms)
{
	long began = monotonic_ms(), last = began, quiet = 0;
	for (int i = 0; i < count; i++) {
		char path[64];
		snprintf(path, sizeof path, "policy/%d.yaml", same ? 0 : i);
		put(path, i % 2 ? "x" : "y");
		sleep_ms(pause_ms);
		quiet += monotonic_ms() - last >= WATCH_QUIET_MS / 2;
		last = monotonic_ms();
	}
	return 1 + (last - began) / WATCH_PATIENCE_MS + quiet;
}

/*
 * A hundred changes in quick succession cause one notification. Continuous changes are reported
 * too.
 */
static void test_debounce(void **state)
{
	struct fixture *f = *state;
	folder("policy");
	watch_at(f, "policy", NULL, LONG_POLL_MS);
	long most = write_often(100, false, 0);
	wait_for_one(&f->policy, __LINE__);
	sleep_ms(4 * WATCH_QUIET_MS);
	assert_in_range(atomic_load(&f->policy), 1, most + 1);
	atomic_store(&f->policy, 0);
	most = write_often(80, true, 20);
	wait_for_one(&f->policy, __LINE__);
	assert_in_range(atomic_load(&f->policy), 1, most);
}

static void test_change_before_start(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	const char *path = "policy";
	folder("policy");
	f->watch = watch_create(NULL, LONG_POLL_MS, &err);
	assert_int_equal(watch_add(f->watch, &path, 1, on_policy, f, &err), 0);
	put("policy/a.yaml", "a");
	assert_int_equal(watch_start(f->watch, &err), 0);
	EXPECT(&f->policy);
}

static void test_never_started(void **state)
{
	(void)state;
	struct error err = {0};
	struct watch *watch = watch_create(NULL, LONG_POLL_MS, &err);
	for (int i = 0; i < 8; i++)
		assert_int_equal(watch_add(watch, NULL, 0, on_policy, NULL, &err), 0);
	assert_int_equal(watch_add(watch, NULL, 0, on_policy, NULL, &err), -1);
	watch_destroy(watch);
	watch_destroy(NULL);
}

/* Polling causes no notification if nothing has changed. */
static void test_poll(void **state)
{
	struct fixture *f = *state;
	folder("policy");
	watch_at(f, "policy", NULL, 50);
	put("policy/.hidden", "x");
	expect_none(&f->policy);
	put("policy/a.yaml", "a");
	EXPECT(&f->policy);
}

/* With one descriptor left, the wakeup gets it and inotify gets none. */
static void test_without_inotify(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, tight;
	folder("policy");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int next = dup(0);
	close(next);
	tight = before;
	tight.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	struct error err = {0};
	f->watch = watch_create(NULL, 50, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_non_null(f->watch);
	const char *path = "policy";
	assert_int_equal(watch_add(f->watch, &path, 1, on_policy, f, &err), 0);
	assert_int_equal(watch_start(f->watch, &err), 0);
	put("policy/a.yaml", "a");
	EXPECT(&f->policy);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_files),
	    TEST(test_folders),
	    TEST(test_path_that_is_not_there_yet),
	    TEST(test_config_map),
	    TEST(test_git_sync),
	    TEST(test_links_in_the_tree),
	    TEST(test_groups),
	    TEST(test_debounce),
	    TEST(test_change_before_start),
	    cmocka_unit_test(test_never_started),
	    TEST(test_poll),
	    TEST(test_without_inotify),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
