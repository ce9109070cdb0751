/* test_gzip: tests webhook/base/gzip.c, with every way to cut a file in two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpugate/buf.h"
#include "webhook/base/gzip.h"

/* "hello\n", as `printf 'hello\n' | gzip -n` writes it. */
static const char hello[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06"
    "\x00\x00\x00";
#define HELLO_LEN (sizeof hello - 1)

static int take(void *context, const char *bytes, size_t len, struct error *err)
{
	(void)err;
	buf_add(context, bytes, len);
	return 0;
}

static void check(struct str file, const char *expected, const char *error)
{
	for (size_t first = 0; first <= file.len; first++) {
		struct buf text;
		struct error err = {.text = ""};
		buf_init(&text, 1 << 20);
		struct gzip *gzip = gzip_create(take, &text, &err);
		assert_non_null(gzip);
		if (gzip_feed(gzip, file.ptr, first, &err) == 0 &&
		    gzip_feed(gzip, file.ptr + first, file.len - first, &err) == 0)
			gzip_finish(gzip, &err);
		buf_char(&text, '\0');
		assert_string_equal(text.ptr, expected);
		assert_memory_equal(err.text, error, strlen(error));
		assert_int_equal(err.text[0] == '\0', error[0] == '\0');
		gzip_destroy(gzip);
		buf_release(&text);
	}
}

static void test_files(void **state)
{
	char twice[2 * HELLO_LEN];
	(void)state;
	memcpy(twice, hello, HELLO_LEN);
	memcpy(twice + HELLO_LEN, hello, HELLO_LEN);
	check((struct str){hello, HELLO_LEN}, "hello\n", "");
	check((struct str){twice, sizeof twice}, "hello\nhello\n", "");
	check((struct str){hello, 0}, "", "");
}

static void test_errors(void **state)
{
	char damaged[HELLO_LEN + 2];
	(void)state;
	/* Without its text, and without its end. */
	check((struct str){hello, 10}, "", "the gzip file is incomplete");
	check((struct str){hello, HELLO_LEN - 1}, "hello\n", "the gzip file is incomplete");
	memcpy(damaged, hello, HELLO_LEN);
	damaged[HELLO_LEN] = damaged[HELLO_LEN + 1] = 'x';
	check((struct str){damaged, HELLO_LEN + 2}, "hello\n", "this is not a valid gzip file");
	damaged[HELLO_LEN - 5] ^= 1;
	check((struct str){damaged, HELLO_LEN}, "hello\n", "this is not a valid gzip file: incorrect data check");
}

static void test_beginnings(void **state)
{
	(void)state;
	assert_true(gzip_begins(hello, HELLO_LEN));
	assert_false(gzip_begins(hello, 1));
	assert_false(gzip_begins("{}", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_beginnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
