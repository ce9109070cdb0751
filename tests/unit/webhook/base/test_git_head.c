/*
 * test_git_head: tests webhook/base/git_head.c: which commit a path belongs to, in repositories,
 * work trees and git-sync folders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "webhook/base/git_head.h"

#define ONE "1111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222"
#define LONG TWO "abcdef0123456789abcdef01"

static char root[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof root, "/tmp/gpugate-git-XXXXXX");
	return mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return chdir("/") == 0 ? system(command) : -1;
}

/* Writes a file and creates its parent folders. */
static void put(const char *path, const char *text)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", path);
	for (char *slash = folder; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(folder, 0700);
	}
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void check(const char *path, const char *expected)
{
	char commit[GIT_COMMIT_SIZE];
	git_commit_read(path, commit);
	assert_string_equal(commit, expected);
}

static void test_refs(void **state)
{
	(void)state;
	put("repo/policy/deep/a.yaml", "x");
	check("repo/policy", "");
	check("repo/nowhere", "");
	put("repo/.git/HEAD", "ref: refs/heads/main\n");
	/* Before the first commit. */
	check("repo/policy", "");
	put("repo/.git/packed-refs",
	    "# pack-refs with: peeled\n" TWO " refs/heads/mainline\n" ONE " refs/heads/main\n^" TWO "\n");
	check("repo/policy/deep/a.yaml", ONE);
	put("repo/.git/refs/heads/main", TWO "\n");
	check("repo/policy/deep", TWO);
	put("repo/.git/HEAD", ONE "\n");
	check("repo", ONE);
	put("repo/.git/HEAD", LONG "\n");
	check("repo", LONG);
}

static void test_nonsense(void **state)
{
	(void)state;
	put("repo/a.yaml", "x");
	static const char *const heads[] = {
	    "", "\n", "junk", "ref: ", "ref: refs/heads/../../secret", "ref: /etc/passwd", "ref: refs/heads", ONE "0",
	};
	put("repo/.git/secret", ONE);
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		put("repo/.git/HEAD", heads[i]);
		check("repo", "");
	}
	put("repo/.git/HEAD", "ref: refs/heads/main\n");
	put("repo/.git/refs/heads/main", "not a commit\n");
	check("repo", "");
}

static void test_worktree(void **state)
{
	(void)state;
	put("repo/.git/HEAD", ONE "\n");
	put("repo/.git/worktrees/w/HEAD", "ref: refs/heads/topic\n");
	put("repo/.git/worktrees/w/commondir", "../..\n");
	put("repo/.git/refs/heads/topic", TWO "\n");
	put("w/policy/a.yaml", "x");
	put("w/.git", "gitdir: ../repo/.git/worktrees/w\n");
	check("w/policy", TWO);
	char text[PATH_MAX];
	snprintf(text, sizeof text, "gitdir: %s/repo/.git/worktrees/w\n", root);
	put("w/.git", text);
	check("w/policy", TWO);
}

/* A work tree of git-sync, seen from a container in which its Git folder is mounted elsewhere. */
static void test_git_sync(void **state)
{
	(void)state;
	put(".worktrees/" ONE "/policy/a.yaml", "x");
	put(".worktrees/" ONE "/.git", "gitdir: /not/here/.git/worktrees/" ONE "\n");
	assert_int_equal(symlink(".worktrees/" ONE, "current"), 0);
	check("current/policy", ONE);
	put("git/.git/worktrees/" ONE "/HEAD", TWO "\n");
	put(".worktrees/" ONE "/.git", "gitdir: ../../git/.git/worktrees/" ONE "\n");
	check("current/policy", TWO);
}

static void test_head_files(void **state)
{
	(void)state;
	char *files[2], expected[PATH_MAX];
	put("repo/policy/a.yaml", "x");
	assert_int_equal(git_head_files("repo/policy", files), 0);
	assert_int_equal(git_head_files("repo/nowhere", files), 0);
	put("repo/.git/HEAD", ONE "\n");
	assert_int_equal(git_head_files("repo/policy", files), 2);
	snprintf(expected, sizeof expected, "%s/repo/.git/logs/HEAD", root);
	assert_string_equal(files[1], expected);
	free(files[0]);
	free(files[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_refs), TEST(test_nonsense), TEST(test_worktree), TEST(test_git_sync), TEST(test_head_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
