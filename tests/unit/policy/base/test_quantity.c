/*
 * test_quantity: tests policy/base/quantity.c: every form of Kubernetes' grammar, rounding and
 * range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gpugate/quantity.h"

#define NANO(n) ((wide)(n))
#define WHOLE(n) ((wide)(n)*QUANTITY_SCALE)
#define LIMIT ((wide)1 << 63)

static const struct {
	const char *text;
	wide nano;
} good[] = {
    {"0", 0},
    {"-0", 0},
    {"+0", 0},
    {"00", 0},
    {"0.", 0},
    {".0", 0},
    {"0e999999999999999999999", 0},
    {"0Ei", 0},
    {"1", WHOLE(1)},
    {"+2", WHOLE(2)},
    {"-3", WHOLE(-3)},
    {"0007", WHOLE(7)},
    {"1.", WHOLE(1)},
    {".5", NANO(500000000)},
    {"6.5", NANO(6500000000)},
    {"-.5", NANO(-500000000)},
    {"1.500000000000000000000000", NANO(1500000000)},
    {"1n", NANO(1)},
    {"1u", NANO(1000)},
    {"1m", NANO(1000000)},
    {"1000m", WHOLE(1)},
    {"1k", WHOLE(1000)},
    {"1M", WHOLE(1000000)},
    {"1G", WHOLE(1000000000)},
    {"1T", WHOLE(1000000000000)},
    {"1P", WHOLE(1000000000000000)},
    {"1E", WHOLE(1000000000000000000)},
    {"1E3", WHOLE(1000)},
    {"1e3", WHOLE(1000)},
    {"1e+3", WHOLE(1000)},
    {"1e-3", NANO(1000000)},
    {"1E-3", NANO(1000000)},
    {"1e0", WHOLE(1)},
    {"1e-9", NANO(1)},
    {"1e003", WHOLE(1000)},
    {"1Ki", WHOLE(1024)},
    {"1Mi", WHOLE(1 << 20)},
    {"1Gi", WHOLE(1 << 30)},
    {"320Gi", WHOLE(320ll << 30)},
    {"1Ti", WHOLE(1ll << 40)},
    {"1Pi", WHOLE(1ll << 50)},
    {"1Ei", WHOLE(1ll << 60)},
    {"0.5Ki", WHOLE(512)},
    {"1.5Gi", WHOLE(3ll << 29)},
    {".1Ki", NANO(102400000000)},
    /* More precise than a billionth: rounded away from zero. */
    {"0.1n", NANO(1)},
    {"-0.1n", NANO(-1)},
    {"1.0000000001", NANO(1000000001)},
    {"0.9999999999", WHOLE(1)},
    {"1e-1000000000000000000000", NANO(1)},
    {"-1e-1000", NANO(-1)},
    {"0.0000000000000000000000001Ei", NANO(116)},
    {"0.0000000000000000000000000000001Ei", NANO(1)},
    {"0.000000000931322574615478515625Gi", WHOLE(1)},
    {"0.0009765625Ki", WHOLE(1)},
    {"0.00097656250000000001Ki", NANO(1000000001)},
    {"0.00000000000000000000000000001Ki", NANO(1)},
    /* The ends of the range. */
    {"9223372036854775807", (LIMIT - 1) * QUANTITY_SCALE},
    {"9223372036854775808", LIMIT *QUANTITY_SCALE},
    {"-9223372036854775808", -LIMIT *QUANTITY_SCALE},
    {"8Ei", LIMIT *QUANTITY_SCALE},
    {"9223372036854775807.999999999", LIMIT *QUANTITY_SCALE - 1},
    {"9223372036854775807.9999999991", LIMIT *QUANTITY_SCALE},
    {"9.223372036854775808e18", LIMIT *QUANTITY_SCALE},
    {"9223372036854775808000000000n", LIMIT *QUANTITY_SCALE},
    {"0.0000000000000000000000000000000000000001e40", WHOLE(1)},
};

static const struct {
	const char *text;
	enum quantity_result result;
} bad[] = {
    {"", QUANTITY_SYNTAX},
    {"+", QUANTITY_SYNTAX},
    {"-", QUANTITY_SYNTAX},
    {".", QUANTITY_SYNTAX},
    {"+.", QUANTITY_SYNTAX},
    {"1K", QUANTITY_SYNTAX},
    {"1ki", QUANTITY_SYNTAX},
    {"1KI", QUANTITY_SYNTAX},
    {"1mi", QUANTITY_SYNTAX},
    {"1e", QUANTITY_SYNTAX},
    {"1e+", QUANTITY_SYNTAX},
    {"1E-", QUANTITY_SYNTAX},
    {"1e1.5", QUANTITY_SYNTAX},
    {"1e3k", QUANTITY_SYNTAX},
    {"1Gii", QUANTITY_SYNTAX},
    {"1 Gi", QUANTITY_SYNTAX},
    {" 1", QUANTITY_SYNTAX},
    {"1 ", QUANTITY_SYNTAX},
    {"1.2.3", QUANTITY_SYNTAX},
    {"1,5", QUANTITY_SYNTAX},
    {"0x10", QUANTITY_SYNTAX},
    {"--1", QUANTITY_SYNTAX},
    {"Gi", QUANTITY_SYNTAX},
    {"NaN", QUANTITY_SYNTAX},
    {"inf", QUANTITY_SYNTAX},
    {"unlimited", QUANTITY_SYNTAX},
    {"1_000", QUANTITY_SYNTAX},
    {"\xd9\xa1", QUANTITY_SYNTAX},
    {"9223372036854775808.1", QUANTITY_RANGE},
    {"9223372036854775809", QUANTITY_RANGE},
    {"-9223372036854775809", QUANTITY_RANGE},
    {"8.0000000000000000001Ei", QUANTITY_RANGE},
    {"9Ei", QUANTITY_RANGE},
    {"10E", QUANTITY_RANGE},
    {"1e19", QUANTITY_RANGE},
    {"1e99999999999999999999", QUANTITY_RANGE},
    {"99999999999999999999999999999999999999999999", QUANTITY_RANGE},
    {"9223372036854775808.0000000000000000000000000001", QUANTITY_RANGE},
    {"1e30", QUANTITY_RANGE},
    {"1e20", QUANTITY_RANGE},
    {"9999999999Ei", QUANTITY_RANGE},
};

static const struct {
	const char *text;
	enum quantity_result result;
	int64_t count;
} counts[] = {
    {"0", QUANTITY_OK, 0},
    {"-0", QUANTITY_OK, 0},
    {"1", QUANTITY_OK, 1},
    {"1000m", QUANTITY_OK, 1},
    {"1e0", QUANTITY_OK, 1},
    {"1k", QUANTITY_OK, 1000},
    {"1Ki", QUANTITY_OK, 1024},
    {"+2", QUANTITY_OK, 2},
    {"2.0", QUANTITY_OK, 2},
    {"9223372036854775807", QUANTITY_OK, INT64_MAX},
    {"0.99999999999", QUANTITY_OK, 1},
    {"9223372036854775808", QUANTITY_RANGE, 0},
    {"1e400", QUANTITY_RANGE, 0},
    {"0.5", QUANTITY_FRACTION, 0},
    {"1n", QUANTITY_FRACTION, 0},
    {"1500m", QUANTITY_FRACTION, 0},
    {"-1", QUANTITY_NEGATIVE, 0},
    {"-1n", QUANTITY_NEGATIVE, 0},
    {"1K", QUANTITY_SYNTAX, 0},
    {"", QUANTITY_SYNTAX, 0},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct quantity value = {.nano = 42};
		enum quantity_result result = quantity_parse(str_of(good[i].text), &value);
		if (result != QUANTITY_OK || value.nano != good[i].nano)
			fail_msg("\"%s\": result %d, value %lld (low half)", good[i].text, result,
				 (long long)value.nano);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct quantity value = {.nano = 42};
		enum quantity_result result = quantity_parse(str_of(bad[i].text), &value);
		if (result != bad[i].result || value.nano != 42)
			fail_msg("\"%s\": result %d", bad[i].text, result);
	}
	struct quantity value = {.nano = 42};
	assert_int_equal(quantity_parse((struct str){NULL, 0}, &value), QUANTITY_SYNTAX);
	assert_int_equal(quantity_parse((struct str){"1\0", 2}, &value), QUANTITY_SYNTAX);
	assert_true(value.nano == 42);
}

static void test_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		int64_t value = 0;
		enum quantity_result result = quantity_count(str_of(counts[i].text), &value);
		if (result != counts[i].result || value != counts[i].count)
			fail_msg("\"%s\": result %d, value %lld", counts[i].text, result, (long long)value);
	}
}

/* With four million digits, anything but linear time is noticeable, and linear time is fast. */
static void test_long(void **state)
{
	(void)state;
	size_t len = 4000000;
	char *text = malloc(len);
	assert_non_null(text);
	struct quantity value;
	memset(text, '0', len);
	text[len - 1] = '7';
	assert_int_equal(quantity_parse((struct str){text, len}, &value), QUANTITY_OK);
	assert_true(value.nano == WHOLE(7));
	text[0] = '.';
	assert_int_equal(quantity_parse((struct str){text, len}, &value), QUANTITY_OK);
	assert_true(value.nano == 1);
	memset(text, '9', len);
	assert_int_equal(quantity_parse((struct str){text, len}, &value), QUANTITY_RANGE);
	text[1] = '.';
	assert_int_equal(quantity_parse((struct str){text, len}, &value), QUANTITY_OK);
	assert_true(value.nano == WHOLE(10));
	memset(text + 2, '0', len - 2);
	memcpy(text + len - 2, "Ki", 2);
	assert_int_equal(quantity_parse((struct str){text, len}, &value), QUANTITY_OK);
	assert_true(value.nano == WHOLE(9 * 1024));
	free(text);
}

static void test_problems(void **state)
{
	(void)state;
	assert_string_equal(quantity_problem(QUANTITY_SYNTAX), "is not a quantity");
	assert_string_equal(quantity_problem(QUANTITY_RANGE), "is out of range");
	assert_string_equal(quantity_problem(QUANTITY_FRACTION), "is not a whole number");
	assert_string_equal(quantity_problem(QUANTITY_NEGATIVE), "is negative");
	assert_string_equal(quantity_problem(QUANTITY_OK), "is a quantity");
}

static void test_units(void **state)
{
	static const struct {
		const char *text;
		bool lacks;
	} rows[] = {{"24", true},       {"8192m", true}, {"1e3", true}, {"0.5", true},         {"1048575", true},
		    {"1048576", false}, {"1n", true},    {"1u", true},  {"7.", true},          {"500k", false},
		    {"1Ki", false},     {"40Gi", false}, {"0", false},  {"0m", false},         {"-24", false},
		    {"2e6", false},     {"1E", false},   {"1M", false}, {"1048575999m", true}, {"1048576000m", false}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str text = str_of(rows[i].text);
		struct quantity quantity;
		assert_int_equal(quantity_parse(text, &quantity), QUANTITY_OK);
		assert_int_equal(quantity_lacks_unit(text, &quantity), rows[i].lacks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_units),  cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_counts), cmocka_unit_test(test_long), cmocka_unit_test(test_problems),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
