/*
 * test_path_secret: tests webhook/base/path_secret.c: which contents of a file are accepted as a
 * secret.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "webhook/base/path_secret.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void secrets(void **state)
{
	(void)state;
	char long_line[PATH_SECRET_MAX + 2];
	memset(long_line, 'a', sizeof long_line);
	const struct {
		struct str content;
		const char *secret; /* NULL: refused. */
	} rows[] = {
	    {STR("abc-DEF_1.2~3\n"), "abc-DEF_1.2~3"},
	    {STR("abc"), "abc"},
	    {STR("abc\r\n"), "abc"},
	    {STR(""), NULL},
	    {STR("\n"), NULL},
	    {STR("a b\n"), NULL},
	    {STR("a/b"), NULL},
	    {STR("a\n\n"), NULL},
	    {STR("two\nlines\n"), NULL},
	    {STR("nul\0"), NULL},
	    {STR("\303\244"), NULL},
	    {{long_line, PATH_SECRET_MAX + 1}, NULL},
	};
	char file[] = "/tmp/gpugate-secret-XXXXXX";
	int fd = mkstemp(file);
	assert_true(fd >= 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char secret[PATH_SECRET_MAX + 1];
		struct error err = {0};
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, rows[i].content.ptr, rows[i].content.len, 0), (ssize_t)rows[i].content.len);
		assert_int_equal(path_secret_load(file, secret, &err), rows[i].secret ? 0 : -1);
		if (rows[i].secret)
			assert_string_equal(secret, rows[i].secret);
		else
			assert_non_null(strstr(err.text, file));
	}
	close(fd);
	unlink(file);
	struct error err = {0};
	char secret[PATH_SECRET_MAX + 1];
	assert_int_equal(path_secret_load(file, secret, &err), -1);
	assert_non_null(strstr(err.text, "--path-secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
