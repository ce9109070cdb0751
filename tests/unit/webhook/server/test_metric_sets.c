/* The rows of all metrics: what Prometheus and the reference page require of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "webhook/server/metric_sets.h"

static bool ends(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static bool is_name(const char *text)
{
	return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

/* A family is in the list only once. */
static unsigned count_name(const char *name)
{
	unsigned count = 0;
	for (size_t s = 0; s < serve_metric_set_count; s++)
		for (size_t i = 0; i < serve_metric_sets[s]->count; i++)
			count += strcmp(serve_metric_sets[s]->metrics[i].name, name) == 0;
	return count;
}

static void check(const struct metric *metric)
{
	print_message("%s\n", metric->name);
	assert_true(is_name(metric->name));
	assert_int_equal(count_name(metric->name), 1);
	assert_int_equal(metric->type == METRIC_COUNTER, ends(metric->name, "_total"));
	assert_true(ends(metric->help, "."));
	assert_null(strpbrk(metric->help, "\n\\"));
	assert_non_null(metric->unit);
	assert_int_equal(ends(metric->name, "_timestamp_seconds"),
			 strcmp(metric->unit, "seconds since 1970") == 0 && strncmp(metric->name, "gpugate_", 8) == 0);
	assert_true(!metric->details || ends(metric->details, "."));
	for (size_t i = 0; i < metric_label_count(metric); i++)
		assert_true(is_name(metric->labels[i].name));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t s = 0; s < serve_metric_set_count; s++) {
		const struct metric_set *set = serve_metric_sets[s];
		assert_true(*set->title && set->count > 0);
		assert_true(!set->shown || ends(set->shown, "."));
		for (size_t i = 0; i < set->count; i++)
			check(&set->metrics[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
