/* Unit tests of policy/affinity.c: every operator, and the integers of Gt and Lt as strconv.ParseInt reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/affinity.h"

/* `values`: separated by spaces, so that two spaces make an empty value. NULL: none. */
static bool excludes(const char *op, const char *values, const char *label)
{
	struct str items[8];
	uint32_t count = 0;
	for (const char *at = values; at; count++) {
		const char *end = strchr(at, ' ');
		assert_true(count < 8);
		items[count] = (struct str){at, end ? (size_t)(end - at) : strlen(at)};
		at = end ? end + 1 : NULL;
	}
	struct node_expression expression = {.key = STR("zone"), .op = str_of(op), .values = {items, count}};
	assert_false(expression_excludes(&expression, STR("zones"), str_of(label)));
	assert_false(expression_excludes(&expression, STR("zon"), str_of(label)));
	return expression_excludes(&expression, STR("zone"), str_of(label));
}

static void sets(void **state)
{
	(void)state;
	assert_false(excludes("In", "a", "a"));
	assert_false(excludes("In", "b a", "a"));
	assert_true(excludes("In", "a", "b"));
	assert_true(excludes("In", "a", "ab"));
	assert_true(excludes("In", "a", ""));
	assert_false(excludes("In", "", ""));
	assert_true(excludes("In", NULL, "a"));
	assert_true(excludes("NotIn", "a", "a"));
	assert_true(excludes("NotIn", "b a", "a"));
	assert_false(excludes("NotIn", "a b", "c"));
	assert_false(excludes("NotIn", NULL, "a"));
	assert_false(excludes("Exists", NULL, "a"));
	assert_true(excludes("DoesNotExist", NULL, "a"));
	assert_true(excludes("DoesNotExist", NULL, ""));
	assert_false(excludes("in", "a", "b"));
	assert_false(excludes("", "a", "b"));
}

static void integers(void **state)
{
	static const struct {
		const char *label, *bound;
		bool above, below;
	} rows[] = {
	    {"5", "4", true, false},
	    {"5", "5", false, false},
	    {"5", "6", false, true},
	    {"+5", "4", true, false},
	    {"-5", "-6", true, false},
	    {"-5", "4", false, true},
	    {"-0", "0", false, false},
	    {"0000000000000000000000000000000000005", "4", true, false},
	    {"5", "0000000000000000000000000000000000006", false, true},
	    {"9223372036854775807", "9223372036854775806", true, false},
	    {"9223372036854775808", "1", false, false},
	    {"-9223372036854775808", "-9223372036854775807", false, true},
	    {"-9223372036854775809", "1", false, false},
	    {"1", "-9223372036854775808", true, false},
	    {"1", "-9223372036854775809", false, false},
	    {"1", "18446744073709551617", false, false},
	    {"99999999999999999999999999999999999999", "1", false, false},
	    {"", "1", false, false},
	    {"+", "1", false, false},
	    {"-", "1", false, false},
	    {"+-1", "0", false, false},
	    {"1_000", "1", false, false},
	    {"0x10", "1", false, false},
	    {"1e3", "1", false, false},
	    {"1.5", "1", false, false},
	    {"\t2", "1", false, false},
	    {"2\n", "1", false, false},
	    {"two", "1", false, false},
	    {"2", "one", false, false},
	    {"2", "", false, false},
	    {"2", "1 1", false, false},
	    {"2", " 1", false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(excludes("Gt", rows[i].bound, rows[i].label), !rows[i].above);
		assert_int_equal(excludes("Lt", rows[i].bound, rows[i].label), !rows[i].below);
	}
	assert_true(excludes("Gt", NULL, "2"));
	assert_true(excludes("Lt", NULL, "2"));
	assert_true(excludes("Gt", "1", "2 2"));
}

/* Strings are borrowed runs of bytes: what stands behind one is none of its business. */
static void borrowed(void **state)
{
	(void)state;
	struct str bound = {"12", 1};
	struct node_expression expression = {.key = STR("n"), .op = STR("Gt"), .values = {&bound, 1}};
	assert_false(expression_excludes(&expression, STR("n"), STR("2")));
	assert_true(expression_excludes(&expression, STR("n"), (struct str){"23", 0}));
	assert_true(expression_excludes(&expression, STR("n"), (struct str){"2\0", 2}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sets),
	    cmocka_unit_test(integers),
	    cmocka_unit_test(borrowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
