/* test_write: tests webhook/json/write.c: escapes, invalid UTF-8, and truncation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "webhook/json/write.h"

static void check(struct str input, const char *expected)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	json_write_string(&out, input);
	buf_char(&out, '\0');
	assert_false(out.failed);
	assert_string_equal(out.ptr, expected);
	buf_release(&out);
}

static void test_plain(void **state)
{
	(void)state;
	check((struct str){NULL, 0}, "\"\"");
	check(STR(""), "\"\"");
	check(STR("a"), "\"a\"");
	check(STR("nvidia.com/gpu in the namespace team-a"), "\"nvidia.com/gpu in the namespace team-a\"");
	check(STR("\x7f"), "\"\x7f\"");
}

static void test_escapes(void **state)
{
	(void)state;
	check(STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	check(STR("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\"");
	check(STR("\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\"");
	check(STR("12345678\"12345678\\"), "\"12345678\\\"12345678\\\\\"");
}

static void test_utf8(void **state)
{
	(void)state;
	check(STR("h\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80!"), "\"h\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80!\"");
	static const struct str broken[] = {
	    /* Alone, truncated, or never valid. */
	    STR("\x80"), STR("\xC3"), STR("\xC0"), STR("\xF5"), STR("\xFF"),
	};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		check(broken[i], "\"\xEF\xBF\xBD\"");
	/* A surrogate. */
	check(STR("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
	/* Overlong. */
	check(STR("\xE0\x80x"), "\"\xEF\xBF\xBD\xEF\xBF\xBDx\"");
	check(STR("\xF4\x90\x80\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
	check(STR("\xC3\"x"), "\"\xEF\xBF\xBD\\\"x\"");
}

static void check_cut(struct str input, size_t max, const char *expected)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	json_write_cut(&out, input, max);
	buf_char(&out, '\0');
	assert_string_equal(out.ptr, expected);
	buf_release(&out);
}

static void test_cut(void **state)
{
	(void)state;
	check_cut(STR("abcdef"), 6, "\"abcdef\"");
	check_cut(STR("abcdef"), 5, "\"abcde\xE2\x80\xA6\"");
	check_cut(STR("ab\xE2\x82\xAC"), 4, "\"ab\xE2\x80\xA6\"");
	check_cut(STR("ab\xE2\x82\xAC"), 5, "\"ab\xE2\x82\xAC\"");
	check_cut(STR("abc"), 0, "\"\xE2\x80\xA6\"");
	check_cut(STR("\x80\x80\x80\x80\x80\x80\x80\x80"), 1, "\"\xE2\x80\xA6\"");
}

/*
 * jansson accepts the output for any bytes, and reads the same bytes back if the input was UTF-8.
 */
static void test_random_bytes_are_valid_json(void **state)
{
	(void)state;
	uint64_t random = 88172645463325252u;
	for (int round = 0; round < 20000; round++) {
		char bytes[40];
		size_t len = (size_t)round % sizeof bytes;
		bool ascii = round & 1;
		for (size_t i = 0; i < len; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			bytes[i] = (char)(ascii ? random & 0x7f : random & 0xff);
		}
		struct buf out;
		buf_init(&out, 4096);
		json_write_string(&out, (struct str){bytes, len});
		json_t *value = json_loadb(out.ptr, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(value);
		if (ascii) {
			assert_int_equal(json_string_length(value), len);
			assert_memory_equal(json_string_value(value), bytes, len);
		}
		json_decref(value);
		buf_release(&out);
	}
}

static void test_full_buffer_fails(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4);
	json_write_string(&out, STR("abcdef"));
	assert_true(out.failed);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_random_bytes_are_valid_json),
	    cmocka_unit_test(test_full_buffer_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
