/* test_yaml_1_1: which forms of flags and numbers are read, and which are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/document/yaml_1_1.h"

static void test_flags(void **state)
{
	(void)state;
	assert_true(yaml_1_1_flag(STR("yes"), true) && yaml_1_1_flag(STR("TRUE"), true));
	assert_true(yaml_1_1_flag(STR("n"), false) && yaml_1_1_flag(STR("Off"), false));
	assert_false(yaml_1_1_flag(STR("yes"), false) || yaml_1_1_flag(STR("no"), true));
	assert_false(yaml_1_1_flag(STR("oN"), true) || yaml_1_1_flag(STR(""), false) || yaml_1_1_flag(STR("1"), true));
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t value;
	} rows[] = {
	    {"4", 4},     {"+4", 4},   {"-4", -4},          {"0", 0},
	    {"010", 8},   {"08", 8},   {"0x1F", 31},        {"-0X1f", -31},
	    {"0o17", 15}, {"0B11", 3}, {"1_000", 1000},     {"4.0", 4},
	    {".4e1", 4},  {"4e0", 4},  {"1E9", 1000000000}, {"9223372036854775807", INT64_MAX},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t value = -100;
		assert_true(yaml_1_1_number(str_of(rows[i].text), &value));
		assert_int_equal(value, rows[i].value);
	}
}

static void test_what_is_no_number(void **state)
{
	(void)state;
	static const char *const rows[] = {"",
					   "+",
					   "-",
					   "_",
					   ".",
					   "0x",
					   "0b2",
					   "0o8",
					   "0xg",
					   "4.5",
					   "4E",
					   "4k",
					   "4Ki",
					   "+-4",
					   "--4",
					   "1e",
					   "e1",
					   "four",
					   "0x1.0",
					   "9223372036854775808000",
					   "0000000000000000000000000000000000000000000000000000000000000000000004"};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t value = -100;
		assert_false(yaml_1_1_number(str_of(rows[i]), &value));
		assert_int_equal(value, -100);
	}
	assert_false(yaml_1_1_number((struct str){"4\0", 2}, &(int64_t){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_what_is_no_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
