/*
 * test_affinity: tests policy/evaluate/affinity.c: every operator, and the integers of Gt and Lt,
 * which strconv.ParseInt reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/evaluate/affinity.h"

/* `values` are separated by spaces, so two spaces make an empty value. NULL: no values. */
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

/* A string is a borrowed range of bytes; the bytes after it must not be read. */
static void borrowed(void **state)
{
	(void)state;
	struct str bound = {"12", 1};
	struct node_expression expression = {.key = STR("n"), .op = STR("Gt"), .values = {&bound, 1}};
	assert_false(expression_excludes(&expression, STR("n"), STR("2")));
	assert_true(expression_excludes(&expression, STR("n"), (struct str){"23", 0}));
	assert_true(expression_excludes(&expression, STR("n"), (struct str){"2\0", 2}));
}

#define EXPRESSION(k, o, ...)                                                                                          \
	{                                                                                                              \
		.key = {k, sizeof(k) - 1}, .op = {o, sizeof(o) - 1}, .values = {(const struct str[]){__VA_ARGS__}, 1 } \
	}
#define VALUE(text)                                                                                                    \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

static void terms(void **state)
{
	(void)state;
	const struct node_expression zone_a[] = {EXPRESSION("zone", "In", VALUE("a"))},
				     not_b[] = {EXPRESSION("type", "NotIn", VALUE("b")),
						EXPRESSION("zone", "In", VALUE("b"))};
	const struct node_term both[] = {{zone_a, 1, 0}, {not_b, 2, 0}}, empty[] = {{NULL, 0, 0}, {zone_a, 1, 0}},
			       fields[] = {{NULL, 0, 1}};
	const struct pair zone_b[] = {{STR("zone"), STR("b")}, {STR("type"), STR("b")}};
	const struct pair *label;
	struct pod pod = {.has_required_affinity = true, .node_terms = both, .node_term_count = 2};
	assert_true(affinity_allows(&pod, NULL, 0));
	/* The second term. */
	assert_true(affinity_allows(&pod, zone_b, 1));
	assert_false(affinity_allows(&pod, zone_b, 2));
	assert_ptr_equal(affinity_against(&pod, zone_b, 1, &label), &zone_a[0]);
	assert_ptr_equal(label, &zone_b[0]);
	assert_ptr_equal(affinity_against(&pod, zone_b + 1, 1, &label), &not_b[0]);
	assert_null(affinity_against(&pod, NULL, 0, &label));
	/* The Pod's own node selector. */
	pod.node_selector = (struct pairs){zone_b + 1, 1, true};
	assert_false(affinity_allows(&pod, zone_b, 1));
	pod.node_selector = (struct pairs){NULL, 0, false};
	pod.node_terms = empty;
	assert_false(affinity_allows(&pod, zone_b, 1));
	pod.node_term_count = 1;
	assert_false(affinity_allows(&pod, NULL, 0));
	pod.node_terms = fields;
	assert_true(affinity_allows(&pod, zone_b, 2));
	pod.node_term_count = 0;
	assert_true(affinity_allows(&pod, zone_b, 2));
}

/* Terms that are longer than any real ones are not searched. */
static void bounded(void **state)
{
	(void)state;
	static struct str values[2000];
	for (size_t i = 0; i < 2000; i++)
		values[i] = STR("a");
	struct node_expression expression = {.key = STR("zone"), .op = STR("In"), .values = {values, 1023}};
	const struct node_term term = {&expression, 1, 0};
	const struct pair label = {STR("zone"), STR("b")};
	const struct pod pod = {.has_required_affinity = true, .node_terms = &term, .node_term_count = 1};
	assert_false(affinity_allows(&pod, &label, 1));
	expression.values.count = 1024;
	assert_true(affinity_allows(&pod, &label, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sets),  cmocka_unit_test(integers), cmocka_unit_test(borrowed),
	    cmocka_unit_test(terms), cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
