/* test_text: tests webhook/json/text.c, and how a text that was cut is trimmed (gpugate/str.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpugate/error.h"
#include "webhook/json/text.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static void check(struct str input, struct str expected)
{
	json_t *value = json_text(input);
	assert_non_null(value);
	assert_int_equal(json_string_length(value), expected.len);
	assert_memory_equal(json_string_value(value), expected.ptr, expected.len);
	json_decref(value);
}

static void test_texts(void **state)
{
	(void)state;
	check((struct str){NULL, 0}, STR(""));
	check(STR("h\xC3\xA4 \"\\\n\0"), STR("h\xC3\xA4 \"\\\n\0"));
	check(STR("a\xC3"), STR("a" REPLACEMENT));
	check(STR("\xFF\0\"\xE2\x82"), STR(REPLACEMENT "\0\"" REPLACEMENT REPLACEMENT));
	json_t *null = json_text_or_null((struct str){NULL, 0});
	assert_true(json_is_null(null));
}

static void test_trim(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cuts[] = {
	    {"", ""},
	    {"a", "a"},
	    {"a\xC3", "a"},
	    {"\xC3", ""},
	    {"\xC3\xA4", "\xC3\xA4"},
	    {"a\xE2", "a"},
	    {"a\xE2\x82", "a"},
	    {"a\xE2\x82\xAC", "a\xE2\x82\xAC"},
	    {"a\xF0\x9F\x98", "a"},
	    {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
	    {"\x80\x80\x80\x80\x80", "\x80\x80\x80\x80\x80"},
	};
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		char text[8];
		snprintf(text, sizeof text, "%s", cuts[i].text);
		text_trim(text);
		assert_string_equal(text, cuts[i].expected);
	}
}

/* Returns a text of `len` bytes, most of them characters of two bytes. */
static const char *long_text(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(i % 2 ? 0xA4 : 0xC3);
	text[len] = '\0';
	return text;
}

static void test_errors(void **state)
{
	(void)state;
	char text[2001];
	struct error err = {.text = ""};
	error_set(&err, "%s", long_text(text, 2000));
	assert_int_equal(strlen(err.text), sizeof err.text - 2);
	error_wrap(&err, "a");
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	error_wrap(&err, "abc");
	assert_int_equal(strlen(err.text), sizeof err.text - 2);
	check(str_of(err.text), str_of(err.text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_trim),
	    cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
