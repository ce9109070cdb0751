/*
 * test_base64: tests base64 as in caBundle and in kubeconfig files: with line breaks, and
 * malformed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/base/base64.h"

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		literal, sizeof literal - 1                                                                            \
	}

static void test_decode(void **state)
{
	static const struct {
		struct str text;
		const char *bytes; /* NULL: it is not base64. */
	} rows[] = {
	    {TEXT("Zg=="), "f"},          {TEXT("Zm8="), "fo"},
	    {TEXT("Zm9v"), "foo"},        {TEXT("Zm9v\nYmFy\r\n"), "foobar"},
	    {TEXT(" Z m\t9v"), "foo"},    {TEXT(""), NULL},
	    {TEXT("Zg="), NULL},          {TEXT("Z==="), NULL},
	    {TEXT("Zg==Zg=="), NULL},     {TEXT("Zm9\0v"), NULL},
	    {TEXT("Zm9v\0\0\0\0"), NULL}, {TEXT("Zm-_"), NULL},
	    {TEXT("Zm\xc3\xa4="), NULL},  {TEXT("\0"), NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf out;
		int result = base64_decode(rows[i].text, &out);
		if ((result == 0) != (rows[i].bytes != NULL))
			fail_msg("row %zu: %d", i, result);
		if (result == 0)
			assert_true(str_eq(buf_view(&out), str_of(rows[i].bytes)));
		buf_release(&out);
	}
}

static void test_encode(void **state)
{
	static const struct {
		struct str bytes;
		const char *text;
	} rows[] = {
	    {TEXT(""), ""}, {TEXT("f"), "Zg=="}, {TEXT("fo"), "Zm8="}, {TEXT("foo"), "Zm9v"}, {TEXT("\0\xff"), "AP8="}};
	struct buf out;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_init(&out, 64);
		buf_text(&out, "<");
		base64_encode(rows[i].bytes, &out);
		assert_false(out.failed);
		assert_int_equal(out.len, 1 + strlen(rows[i].text));
		assert_string_equal(out.ptr + 1, rows[i].text);
		buf_release(&out);
	}
	buf_init(&out, 8); /* four characters, and eight with the NUL do not fit */
	base64_encode(STR("foobar"), &out);
	assert_true(out.failed && out.len == 0);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decode), cmocka_unit_test(test_encode)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
