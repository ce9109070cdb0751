/*
 * test_git_status: compares policy files with the commit in real repositories, and reads damaged
 * indexes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "webhook/base/git_index.h"
#include "webhook/base/git_status.h"

static char root[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(root, sizeof root, "/tmp/gpugate-status-XXXXXX");
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	return mkdtemp(root) && chdir(root) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return chdir("/") == 0 ? system(command) : -1;
}

/* Runs a shell command, in which `git` has an author configured. */
static void sh(const char *line)
{
	char command[2048];
	snprintf(command, sizeof command,
		 "set -e; git() { command git -c user.name=x -c user.email=x -c commit.gpgsign=false \"$@\"; }; { %s ; "
		 "} >log 2>&1",
		 line);
	if (system(command) != 0)
		fail_msg("%s: see %s/log", line, root);
}

static void is(const char *path, enum git_state expected, int line)
{
	enum git_state state = git_status_read(path);
	if (state != expected)
		fail_msg("line %d: %d, not %d", line, (int)state, (int)expected);
}
#define IS(path, state) is(path, state, __LINE__)

#define REPOSITORY                                                                                                     \
	"git init -q -b main r; mkdir -p r/policy/deep r/docs; echo a >r/policy/a.yaml; echo b >r/policy/deep/b.yml; " \
	"echo x >r/policy/README; echo d >r/docs/d.yaml; git -C r add .; git -C r commit -qm one"

static void test_changes(void **state)
{
	(void)state;
	sh(REPOSITORY);
	IS("r/policy", GIT_CLEAN);
	IS("r", GIT_CLEAN);
	IS("r/policy/a.yaml", GIT_CLEAN);
	sh("touch r/policy/a.yaml r/docs/d.yaml");
	/* Only the content matters. */
	IS("r/policy", GIT_CLEAN);
	sh("echo more >>r/policy/a.yaml");
	IS("r/policy", GIT_DIRTY);
	IS("r/policy/a.yaml", GIT_DIRTY);
	IS("r/policy/deep", GIT_CLEAN);
	sh("git -C r add policy/a.yaml");
	/* Staged is not committed. */
	IS("r/policy", GIT_DIRTY);
	IS("r/policy/deep", GIT_CLEAN);
	sh("git -C r commit -qm two");
	IS("r/policy", GIT_CLEAN);
	sh("rm r/policy/deep/b.yml");
	IS("r/policy", GIT_DIRTY);
	sh("git -C r checkout -q -- policy/deep/b.yml");
	IS("r/policy", GIT_CLEAN);
	sh("echo c >r/policy/c.yaml");
	/* It is not tracked. */
	IS("r/policy", GIT_DIRTY);
	IS("r/policy/c.yaml", GIT_DIRTY);
	sh("rm r/policy/c.yaml; echo c >r/policy/.c.yaml; echo y >>r/policy/README; echo e >r/docs/e.yaml");
	/* No policy is read from these. */
	IS("r/policy", GIT_CLEAN);
	IS("r", GIT_DIRTY);
}

/* Ordinary operations on a repository leave it clean. */
static void test_everyday(void **state)
{
	(void)state;
	static const char *const lines[] = {
	    "git clone -q r clone; rm -rf r; mv clone r",
	    "git -C r checkout -qb other; echo o >>r/policy/a.yaml; git -C r commit -qam other; git -C r checkout -q "
	    "main",
	    "git -C r merge -q --ff-only other",
	    "git -C r checkout -q -b third HEAD~1; echo t >>r/docs/d.yaml; git -C r commit -qam t; git -C r merge -q "
	    "-m m main",
	    "git -C r rebase -q main",
	    "echo z >>r/policy/a.yaml; git -C r stash -q",
	    "git -C r reset -q --hard HEAD~1",
	    "echo z >>r/policy/a.yaml; git -C r add .; git -C r reset -q --hard",
	    "git -C r pack-refs --all; git -C r gc -q",
	    "git -C r worktree add -q ../w main~1; rm -rf r/policy; git -C r checkout -q -- policy",
	};
	sh(REPOSITORY);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		sh(lines[i]);
		is("r/policy", GIT_CLEAN, (int)i);
	}
	IS("w/policy", GIT_CLEAN);
	sh("echo z >>w/policy/a.yaml");
	IS("w/policy", GIT_DIRTY);
	IS("r/policy", GIT_CLEAN);
}

static void test_kinds_of_index(void **state)
{
	(void)state;
	sh(REPOSITORY);
	for (int version = 2; version <= 4; version++) {
		char line[256];
		snprintf(line, sizeof line,
			 "git -C r update-index --index-version %d; git -C r commit -q --allow-empty -m v", version);
		sh(line);
		IS("r/policy", GIT_CLEAN);
		sh("echo more >>r/policy/deep/b.yml");
		IS("r/policy", GIT_DIRTY);
		sh("git -C r checkout -q -- .");
	}
	sh("git -C r update-index --skip-worktree policy/a.yaml");
	/* Its content may be anything. */
	IS("r/policy", GIT_DIRTY);
	sh("git -C r update-index --no-skip-worktree policy/a.yaml; git -C r update-index --split-index; echo n "
	   ">r/docs/n; "
	   "git -C r add docs; git -C r commit -qm n");
	/* Most entries are in another file. */
	IS("r/policy", GIT_UNKNOWN);
	sh("git init -q -b main --object-format=sha256 long; echo a >long/a.yaml; git -C long add .; git -C long "
	   "commit -qm one");
	IS("long", GIT_CLEAN);
	sh("echo b >>long/a.yaml");
	IS("long", GIT_DIRTY);
}

static void test_links_and_conflicts(void **state)
{
	(void)state;
	sh(REPOSITORY "; ln -s a.yaml r/policy/link.yaml; git -C r add .; git -C r commit -qm link");
	IS("r/policy", GIT_CLEAN);
	sh("ln -sfn deep/b.yml r/policy/link.yaml");
	IS("r/policy", GIT_DIRTY);
	sh("git -C r checkout -q -- .; git -C r checkout -qb x; echo x >r/policy/a.yaml; git -C r commit -qam x; git "
	   "-C r checkout -q main; "
	   "echo y >r/policy/a.yaml; git -C r commit -qam y; git -C r merge -q x || :");
	IS("r/policy", GIT_DIRTY);
}

static void test_no_repository(void **state)
{
	(void)state;
	sh("mkdir -p plain/policy; echo a >plain/policy/a.yaml");
	IS("plain/policy", GIT_UNKNOWN);
	IS("nowhere", GIT_UNKNOWN);
	sh("git init -q -b main empty; mkdir empty/policy; echo a >empty/policy/a.yaml");
	/* Before the first commit. */
	IS("empty/policy", GIT_UNKNOWN);
	sh(REPOSITORY "; echo damaged >r/.git/index");
	IS("r/policy", GIT_UNKNOWN);
	sh("rm r/.git/index");
	IS("r/policy", GIT_UNKNOWN);
}

/* --- Damaged indexes --- */

static int on_entry(void *context, const struct git_entry *entry)
{
	*(size_t *)context += strlen(entry->path) + entry->id[0] + entry->id[19];
	return 0;
}

static void on_folder(void *context, const char *path, bool written)
{
	*(size_t *)context += strlen(path) + written;
}

static void read_copy(const char *bytes, size_t len)
{
	size_t sum = 0;
	const struct git_index_reader reader = {
	    .id_bytes = 20, .entry = on_entry, .folder = on_folder, .context = &sum};
	/* Of the exact size, so that a sanitizer detects reads beyond it. */
	char *copy = malloc(len ? len : 1);
	memcpy(copy, bytes, len);
	git_index_read(&reader, (struct str){copy, len});
	free(copy);
}

static void test_damaged(void **state)
{
	(void)state;
	for (int version = 2; version <= 4; version += 2) {
		char line[2048], bytes[8192];
		snprintf(line, sizeof line, "rm -rf r; %s; git -C r update-index --index-version %d", REPOSITORY,
			 version);
		sh(line);
		FILE *file = fopen("r/.git/index", "r");
		size_t len = file ? fread(bytes, 1, sizeof bytes, file) : 0;
		assert_in_range(len, 100, sizeof bytes - 1);
		fclose(file);
		for (size_t i = 0; i <= len; i++)
			read_copy(bytes, i);
		for (size_t i = 0; i < len; i++) {
			static const char values[] = {0, 1, '\x7f', '\x80', '\xff'};
			char before = bytes[i];
			for (size_t j = 0; j < sizeof values; j++) {
				bytes[i] = values[j];
				read_copy(bytes, len);
			}
			bytes[i] = before;
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_changes),       TEST(test_everyday), TEST(test_kinds_of_index), TEST(test_links_and_conflicts),
	    TEST(test_no_repository), TEST(test_damaged),
	};
	return cmocka_run_group_tests_name("git_status", tests, NULL, NULL);
}
