/* test_quantile: tests the ranks of the quantiles that the load generator prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bench/quantile.h"

static const struct {
	size_t count;
	unsigned permille;
	size_t index;
} cases[] = {
    {1, 1, 0},        {1, 500, 0},         {1, 1000, 0},
    {2, 500, 0},      {2, 501, 1},         {3, 500, 1},
    {4, 500, 1},      {10, 900, 8},        {10, 901, 9},
    {100, 990, 98},   {100, 999, 99},      {100, 1000, 99},
    {1000, 999, 998}, {1001, 999, 999},    {2000, 1, 1},
    {1999, 1, 1},     {12345, 990, 12221}, {SIZE_MAX / 1000 * 1000, 1000, SIZE_MAX / 1000 * 1000 - 1},
};

static void test_nearest_rank(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(quantile_index(cases[i].count, cases[i].permille), cases[i].index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest_rank)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
