/* test_time: tests webhook/json/time.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/json/time.h"

static void test_times(void **state)
{
	static const struct {
		struct str text;
		int64_t ms;
	} times[] = {
	    {{"1970-01-01T00:00:00Z", 20}, 0},
	    {{"1970-01-01T00:00:00.001Z", 24}, 1},
	    {{"1970-01-01T00:00:00.0019999999999Z", 34}, 1},
	    {{"1970-01-01T00:00:01.5Z", 22}, 1500},
	    {{"1970-01-01T01:00:00+01:00", 25}, 0},
	    {{"1969-12-31T18:30:00-05:30", 25}, 0},
	    {{"1969-12-31T23:59:59Z", 20}, -1000},
	    {{"2024-02-29T12:00:00Z", 20}, 1709208000000},
	    {{"2038-01-19T03:14:08Z", 20}, 2147483648000},
	    {{"9999-12-31T23:59:59Z", 20}, 253402300799000},
	    {{"0000-01-01T00:00:00Z", 20}, -62167219200000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		int64_t ms = 7;
		assert_true(time_parse(times[i].text, &ms));
		assert_int_equal(ms, times[i].ms);
	}
}

static void test_what_is_no_time(void **state)
{
	static const char *const texts[] = {
	    "",
	    "yesterday",
	    "2030-01-31",
	    "2030-01-31T12:00:00",
	    "2030-01-31T12:00Z",
	    "2030-01-31 12:00:00Z",
	    "2030-01-31t12:00:00z",
	    "2030-1-31T12:00:00Z",
	    "2030-01-31T12:00:00.Z",
	    "2030-01-31T12:00:00ZZ",
	    "2030-01-31T12:00:00+1:00",
	    "2030-01-31T12:00:00+24:00",
	    "2030-01-31T12:00:00+00:60",
	    "2030-01-31T12:00:00+0000",
	    "2030-13-01T12:00:00Z",
	    "2030-00-01T12:00:00Z",
	    "2030-02-29T12:00:00Z",
	    "2030-01-00T12:00:00Z",
	    "2030-01-31T24:00:00Z",
	    "2030-01-31T12:60:00Z",
	    "2030-01-31T12:00:60Z",
	    "+030-01-31T12:00:00Z",
	    " 2030-01-31T12:00:00Z",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		int64_t ms = 7;
		assert_false(time_parse(str_of(texts[i]), &ms));
		assert_int_equal(ms, 7);
	}
}

/* No part of a time is one, and no byte beyond its end is read. */
static void test_parts(void **state)
{
	struct str whole = STR("2030-01-31T12:00:00.25+01:00");
	int64_t ms;
	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		char *copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, whole.ptr, len);
		assert_false(time_parse((struct str){copy, len}, &ms));
		free(copy);
	}
	assert_true(time_parse(whole, &ms));
}

static void test_print(void **state)
{
	static const int64_t times[] = {0, 1000, 1709208000000, 253402300799000};
	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct buf text;
		int64_t again;
		buf_init(&text, 64);
		time_print(times[i] + 999, &text);
		assert_true(time_parse(buf_view(&text), &again));
		assert_int_equal(again, times[i]);
		buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_what_is_no_time),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_print),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
