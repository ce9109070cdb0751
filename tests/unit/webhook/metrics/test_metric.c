#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/metrics/metric.h"

#define HEAD(type) "# HELP gpugate_x What it is.\n# TYPE gpugate_x " type "\n"

static void assert_text(struct buf *out, const char *text)
{
	buf_char(out, '\0');
	assert_false(out->failed);
	assert_string_equal(out->ptr, text);
	buf_release(out);
}

static void test_without_labels(void **state)
{
	(void)state;
	const struct metric row = {.name = "gpugate_x", .type = METRIC_GAUGE, .help = "What it is."};
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(metric_combinations(&row), 1);
	metric_integers(&out, &row, (int64_t[]){-7});
	metric_seconds(&out, &row, (int64_t[]){1500});
	assert_text(&out, HEAD("gauge") "gpugate_x -7\n" HEAD("gauge") "gpugate_x 1.500\n");
}

/* The last label counts fastest. */
static void test_combinations(void **state)
{
	(void)state;
	const struct metric row = {.name = "gpugate_x",
				   .type = METRIC_COUNTER,
				   .help = "What it is.",
				   .labels = {{"a", METRIC_VALUES("x", "y")}, {"b", METRIC_VALUES("1", "2", "3")}}};
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(metric_combinations(&row), 6);
	metric_integers(&out, &row, (int64_t[]){10, 11, 12, 13, 14, 15});
	assert_text(&out, HEAD("counter") "gpugate_x{a=\"x\",b=\"1\"} 10\ngpugate_x{a=\"x\",b=\"2\"} 11\n"
					  "gpugate_x{a=\"x\",b=\"3\"} 12\ngpugate_x{a=\"y\",b=\"1\"} 13\n"
					  "gpugate_x{a=\"y\",b=\"2\"} 14\ngpugate_x{a=\"y\",b=\"3\"} 15\n");
}

static void test_values_that_the_program_does_not_choose(void **state)
{
	(void)state;
	const struct metric row = {.name = "gpugate_x",
				   .type = METRIC_HISTOGRAM,
				   .help = "What it is.",
				   .labels = {{.name = "a"}, {"b", METRIC_VALUES("1", "2")}}};
	const struct str values[] = {STR("a\"b\\c\nd"), {NULL, 0}};
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(metric_combinations(&row), 0);
	metric_integers(&out, &row, NULL);
	metric_sample(&out, &row, values);
	buf_text(&out, "1\n");
	metric_sample_of(&out, &row, "_bucket", values, "+Inf");
	buf_text(&out, "2\n");
	assert_text(&out, HEAD("histogram") "gpugate_x{a=\"a\\\"b\\\\c\\nd\",b=\"\"} 1\n"
					    "gpugate_x_bucket{a=\"a\\\"b\\\\c\\nd\",b=\"\",le=\"+Inf\"} 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_without_labels),
	    cmocka_unit_test(test_combinations),
	    cmocka_unit_test(test_values_that_the_program_does_not_choose),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
