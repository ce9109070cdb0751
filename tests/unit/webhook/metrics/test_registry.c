/*
 * test_registry: tests webhook/metrics/registry.c: counters, limits, the text format, and threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/metrics/registry.h"

static const struct metric used = {
    .name = "gpugate_used", .type = METRIC_GAUGE, .unit = "GPUs", .help = "What is used."};
static const struct metric seen = {
    .name = "gpugate_seen", .type = METRIC_GAUGE, .unit = "Pods", .help = "What is seen."};
static const struct metric_set first = {"First", NULL, &used, 1}, second = {"Second", NULL, &seen, 1};
static const struct metric_set unlisted = {"Unlisted", NULL, &used, 1};
static const struct metric_set *const sets[] = {&first, &second};

static void render_used(void *context, struct buf *out)
{
	metric_integers(out, &used, context);
}

static void render_seen(void *context, struct buf *out)
{
	metric_integers(out, &seen, context);
}

static struct metrics *new_metrics(void)
{
	struct error err = {0};
	struct metrics *metrics = metrics_create(sets, 2, &err);
	assert_non_null(metrics);
	return metrics;
}

static void assert_rendered(const struct metrics *metrics, const char *text)
{
	struct buf out;
	buf_init(&out, 4096);
	metrics_render(metrics, &out);
	buf_char(&out, '\0');
	assert_string_equal(out.ptr, text);
	buf_release(&out);
}

/* They are printed in the order of the list, and each is printed only if it is attached. */
static void test_order(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	struct error err = {0};
	int64_t one = 1, two = 2;
	assert_rendered(metrics, "");
	assert_int_equal(metrics_attach(metrics, &second, render_seen, &two, &err), 0);
	assert_rendered(metrics, "# HELP gpugate_seen What is seen.\n# TYPE gpugate_seen gauge\ngpugate_seen 2\n");
	assert_int_equal(metrics_attach(metrics, &first, render_used, &one, &err), 0);
	assert_rendered(metrics, "# HELP gpugate_used What is used.\n# TYPE gpugate_used gauge\ngpugate_used 1\n"
				 "# HELP gpugate_seen What is seen.\n# TYPE gpugate_seen gauge\ngpugate_seen 2\n");
	metrics_destroy(metrics);
	metrics_destroy(NULL);
}

static void test_a_set_that_is_not_listed(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	struct error err = {0};
	int64_t one = 1;
	assert_int_equal(metrics_attach(metrics, &unlisted, render_used, &one, &err), -1);
	assert_string_equal(err.text, "the metrics \"Unlisted\" are not in the list of all sets; add them to it");
	assert_rendered(metrics, "");
	metrics_destroy(metrics);
}

static void test_a_set_that_is_attached_twice(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	struct error err = {0};
	int64_t one = 1;
	assert_int_equal(metrics_attach(metrics, &first, render_used, &one, &err), 0);
	assert_int_equal(metrics_attach(metrics, &first, render_used, &one, &err), -1);
	assert_string_equal(err.text, "the metrics \"First\" are attached already");
	metrics_destroy(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_a_set_that_is_not_listed),
	    cmocka_unit_test(test_a_set_that_is_attached_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
