/* Whole files of bounded size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/file.h"

static char folder[] = "/tmp/gpugate-file-XXXXXX";
static int at;

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	at = open(folder, O_RDONLY | O_DIRECTORY);
	int fd = openat(at, "nine", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "123456789", 9), 9);
	close(fd);
	close(openat(at, "empty", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(symlinkat("nine", at, "link"), 0);
	return mkfifoat(at, "pipe", 0600);
}

static int tear_down(void **state)
{
	static const char *const names[] = {"nine", "empty", "link", "pipe"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(at, names[i], 0);
	close(at);
	return rmdir(folder);
}

static void test_limits(void **state)
{
	static const struct {
		const char *name;
		int flags;
		size_t max;
		int reason; /* 0: it is read */
		const char *text;
	} rows[] = {
	    {"nine", 0, 12, 0, "<123456789"}, {"nine", 0, 10, 0, "<123456789"}, {"nine", 0, 9, EFBIG, "<"},
	    {"nine", 0, 1, EFBIG, "<"},       {"link", 0, 99, 0, "<123456789"}, {"link", O_NOFOLLOW, 99, ELOOP, "<"},
	    {"pipe", O_NONBLOCK, 99, 0, "<"}, {"nobody", 0, 99, ENOENT, "<"},   {".", 0, 99, EISDIR, "<"},
	    {"/dev/zero", 0, 99, EFBIG, "<"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out;
		buf_init(&out, rows[i].max);
		buf_char(&out, '<');
		errno = 0;
		int result = file_read(at, rows[i].name, rows[i].flags, &out), reason = result ? errno : 0;
		if (reason != rows[i].reason || !str_eq(buf_view(&out), str_of(rows[i].text)))
			fail_msg("row %zu: %d, \"%.*s\"", i, reason, STR_ARG(buf_view(&out)));
		buf_release(&out);
	}
}

/* From the offset on, to the end; the file stays open. */
static void test_open_files(void **state)
{
	struct buf out;
	char digit;
	int fd = openat(at, "nine", O_RDONLY);
	(void)state;
	buf_init(&out, 8);
	assert_int_equal(file_read_open(fd, &out), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(out.len, 0);
	assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
	assert_int_equal(file_read_open(fd, &out), 0);
	assert_true(str_eq(buf_view(&out), STR("89")));
	assert_int_equal(read(fd, &digit, 1), 0);
	close(fd);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits), cmocka_unit_test(test_open_files)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
