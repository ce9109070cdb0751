/*
 * test_rotation: tests webhook/base/rotation.c: what remains in the folder, with clocks that go
 * back, files of others, and disks that are full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/buf.h"
#include "webhook/base/rotation.h"

#define SIZE 8000 /* Each file may have 1000 bytes. */

static char folder[] = "/tmp/gpugate-unit-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static void path_of(const char *name, char path[static 512])
{
	snprintf(path, 512, "%s/%s", folder, name);
}

/* Calls `entry` for each file in the folder. Returns the number of files. */
static unsigned each_file(void (*entry)(const char *path, void *context), void *context)
{
	DIR *open = opendir(folder);
	char path[512];
	unsigned count = 0;
	assert_non_null(open);
	for (struct dirent *file; (file = readdir(open));) {
		if (file->d_name[0] == '.')
			continue;
		path_of(file->d_name, path);
		entry(path, context);
		count++;
	}
	closedir(open);
	return count;
}

static void remove_file(const char *path, void *context)
{
	(void)context;
	unlink(path);
}

static int remove_folder(void **state)
{
	(void)state;
	each_file(remove_file, NULL);
	return rmdir(folder);
}

static void add_size(const char *path, void *context)
{
	struct stat info;
	assert_int_equal(lstat(path, &info), 0);
	*(uint64_t *)context += (uint64_t)info.st_size;
}

static uint64_t total_size(void)
{
	uint64_t total = 0;
	each_file(add_size, &total);
	return total;
}

static unsigned count_files(void)
{
	uint64_t total = 0;
	return each_file(add_size, &total);
}

static struct rotation *open_folder(uint64_t max_bytes)
{
	struct error err = {0};
	struct rotation *rotation = rotation_create(folder, "unit", max_bytes, &err);
	if (!rotation)
		fail_msg("%s", err.text);
	return rotation;
}

/* Writes a line of that many bytes. */
static int write_line(struct rotation *rotation, size_t len, struct error *err)
{
	char line[2048];
	assert_true(len <= sizeof line);
	memset(line, 'x', len);
	line[len - 1] = '\n';
	return rotation_write(rotation, (struct str){line, len}, err);
}

static void write_lines(struct rotation *rotation, unsigned count, size_t len)
{
	struct error err = {0};
	for (unsigned i = 0; i < count; i++) {
		if (write_line(rotation, len, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(total_size() <= SIZE);
	}
}

static void put(const char *name, size_t size)
{
	char path[512];
	path_of(name, path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (size_t i = 0; i < size; i++)
		fputc('y', file);
	fclose(file);
}

static bool exists(const char *name)
{
	char path[512];
	struct stat info;
	path_of(name, path);
	return lstat(path, &info) == 0;
}

static void test_size(void **state)
{
	(void)state;
	struct rotation *rotation = open_folder(SIZE);
	assert_true(rotation_fits(rotation, 1000));
	assert_false(rotation_fits(rotation, 1001));
	write_lines(rotation, 3, 300);
	assert_int_equal(count_files(), 1);
	write_lines(rotation, 1, 300);
	assert_int_equal(count_files(), 2);
	write_lines(rotation, 40, 1000);
	assert_int_equal(count_files(), 8);
	assert_int_equal(total_size(), SIZE);
	rotation_destroy(rotation);
	rotation_destroy(NULL);
}

/* Files of earlier runs count, and are removed first, even if their time is in the future. */
static void test_earlier_files(void **state)
{
	(void)state;
	put("unit-20200101T000000Z-000001.jsonl", 3000);
	put("unit-20200101T000000Z-000002.jsonl", 3000);
	put("unit-29990101T000000Z-000007.jsonl", 1000);
	put("unit-20200101T000000Z-000003.jsonl", 0);
	struct rotation *rotation = open_folder(SIZE);
	assert_true(exists("unit-29990101T000000Z-000008.jsonl"));
	assert_false(exists("unit-20200101T000000Z-000003.jsonl"));
	write_lines(rotation, 1, 1000);
	assert_true(exists("unit-20200101T000000Z-000001.jsonl"));
	write_lines(rotation, 1, 1000);
	assert_false(exists("unit-20200101T000000Z-000001.jsonl"));
	assert_true(exists("unit-20200101T000000Z-000002.jsonl"));
	write_lines(rotation, 7, 1000);
	assert_false(exists("unit-20200101T000000Z-000002.jsonl"));
	assert_false(exists("unit-29990101T000000Z-000007.jsonl"));
	assert_true(exists("unit-29990101T000000Z-000009.jsonl"));
	rotation_destroy(rotation);
}

static void test_a_smaller_size(void **state)
{
	(void)state;
	put("unit-20200101T000000Z-000001.jsonl", 6000);
	put("unit-20200101T000000Z-000002.jsonl", 3000);
	rotation_destroy(open_folder(SIZE));
	assert_false(exists("unit-20200101T000000Z-000001.jsonl"));
	assert_true(exists("unit-20200101T000000Z-000002.jsonl"));
	assert_int_equal(count_files(), 1);
}

static void test_other_files_stay(void **state)
{
	static const char *const others[] = {
	    "unit-20200101T000000Z-000001.json",
	    "unit-20200101T000000Z-000001.jsonl.gz",
	    "unit-20200101T000000-000001.jsonl",
	    "other-20200101T000000Z-000001.jsonl",
	    "unit-20200101T000000Z-.jsonl",
	    "unit-20200101T000000Z-1234567.jsonl",
	    "unit-",
	};
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		put(others[i], 9000);
	struct rotation *rotation = open_folder(SIZE);
	struct error err = {0};
	for (int i = 0; i < 20; i++)
		assert_int_equal(write_line(rotation, 1000, &err), 0);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_true(exists(others[i]));
	rotation_destroy(rotation);
}

static void test_one_process(void **state)
{
	(void)state;
	struct error err = {0};
	struct rotation *rotation = open_folder(SIZE);
	assert_null(rotation_create(folder, "unit", SIZE, &err));
	assert_non_null(strstr(err.text, "another process records there"));
	rotation_destroy(rotation);
	rotation_destroy(open_folder(SIZE));
}

/* A limit on the size of files stands for a full disk. */
static void set_limit(rlim_t size)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_no_half_lines(void **state)
{
	(void)state;
	struct error err = {0};
	signal(SIGXFSZ, SIG_IGN);
	struct rotation *rotation = open_folder(SIZE);
	write_lines(rotation, 1, 300);
	set_limit(500);
	int first = write_line(rotation, 300, &err);
	int second = write_line(rotation, 200, &err);
	set_limit(RLIM_INFINITY);
	assert_int_equal(first, -1);
	assert_non_null(strstr(err.text, "cannot write /tmp/"));
	assert_int_equal(second, 0);
	assert_int_equal(total_size(), 500);
	write_lines(rotation, 1, 500);
	assert_int_equal(count_files(), 1);
	rotation_destroy(rotation);
}

static void test_removed_while_open(void **state)
{
	(void)state;
	struct rotation *rotation = open_folder(SIZE);
	write_lines(rotation, 2, 300);
	each_file(remove_file, NULL);
	write_lines(rotation, 2, 300);
	assert_int_equal(count_files(), 1);
	assert_int_equal(total_size(), 600);
	write_lines(rotation, 30, 1000); /* The removed file counts no more. */
	assert_int_equal(total_size(), SIZE);
	rotation_destroy(rotation);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
	    TEST(test_size),
	    TEST(test_earlier_files),
	    TEST(test_a_smaller_size),
	    TEST(test_other_files_stay),
	    TEST(test_one_process),
	    TEST(test_no_half_lines),
	    TEST(test_removed_while_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
