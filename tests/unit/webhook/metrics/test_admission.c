#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "webhook/metrics/admission.h"
#include "webhook/metrics/violations.h"

static struct admission_metrics *new_metrics(void)
{
	struct error err = {0};
	struct admission_metrics *metrics = admission_metrics_create(&err);
	assert_non_null(metrics);
	return metrics;
}

static struct buf rendered(struct admission_metrics *metrics)
{
	struct buf out;
	buf_init(&out, 8 << 20);
	admission_metrics_render(metrics, &out);
	buf_char(&out, '\0');
	assert_false(out.failed);
	return out;
}

static void assert_line(const struct buf *out, const char *line)
{
	struct buf needle;
	buf_init(&needle, 4096);
	buf_printf(&needle, "\n%s\n", line);
	buf_char(&needle, '\0');
	if (!strstr(out->ptr, needle.ptr))
		fail_msg("no line \"%s\" in:\n%s", line, out->ptr);
	buf_release(&needle);
}

static void test_requests(void **state)
{
	(void)state;
	struct admission_metrics *metrics = new_metrics();
	admission_metrics_request(metrics, METRICS_MUTATE, METRICS_PATCHED, 50000);
	admission_metrics_request(metrics, METRICS_MUTATE, METRICS_PATCHED, 50001);
	admission_metrics_request(metrics, METRICS_MUTATE, METRICS_ALLOWED, 20000000000u);
	admission_metrics_request(metrics, METRICS_VALIDATE, METRICS_DENIED, 1);
	admission_metrics_request(NULL, METRICS_VALIDATE, METRICS_DENIED, 1);
	admission_metrics_rejected(metrics, 413);
	admission_metrics_rejected(metrics, 431);
	admission_metrics_rejected(metrics, 200);
	admission_metrics_rejected(metrics, 600);
	struct buf out = rendered(metrics);
	static const char *const lines[] = {
	    "gpugate_admission_requests_total{path=\"/mutate\",outcome=\"patched\"} 2",
	    "gpugate_admission_requests_total{path=\"/mutate\",outcome=\"error\"} 0",
	    "gpugate_admission_requests_total{path=\"/validate\",outcome=\"denied\"} 1",
	    "gpugate_admission_duration_seconds_bucket{path=\"/mutate\",outcome=\"patched\",le=\"5e-05\"} 1",
	    "gpugate_admission_duration_seconds_bucket{path=\"/mutate\",outcome=\"patched\",le=\"0.0001\"} 2",
	    "gpugate_admission_duration_seconds_bucket{path=\"/mutate\",outcome=\"allowed\",le=\"10\"} 0",
	    "gpugate_admission_duration_seconds_bucket{path=\"/mutate\",outcome=\"allowed\",le=\"+Inf\"} 1",
	    "gpugate_admission_duration_seconds_sum{path=\"/mutate\",outcome=\"patched\"} 0.000100001",
	    "gpugate_admission_duration_seconds_count{path=\"/mutate\",outcome=\"patched\"} 2",
	    "gpugate_http_rejected_total{code=\"413\"} 1",
	    "gpugate_http_rejected_total{code=\"431\"} 1",
	    "gpugate_http_rejected_total{code=\"400\"} 0",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_line(&out, lines[i]);
	assert_null(strstr(out.ptr, "code=\"200\""));
	buf_release(&out);
	admission_metrics_destroy(metrics);
	admission_metrics_destroy(NULL);
}

static void test_denials(void **state)
{
	(void)state;
	struct admission_metrics *metrics = new_metrics();
	for (int i = 0; i < 3; i++)
		admission_metrics_violation(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"), STR("compute"));
	admission_metrics_violation(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"), STR("whole"));
	admission_metrics_violation(metrics, METRICS_DENIAL, (struct str){NULL, 0}, STR("untenanted"),
				    STR("a\"b\\c\nd"));
	struct buf out = rendered(metrics);
	assert_line(&out, "gpugate_denials_total{tenant=\"team-a\",reason=\"quota\",name=\"compute\"} 3");
	assert_line(&out, "gpugate_denials_total{tenant=\"team-a\",reason=\"quota\",name=\"whole\"} 1");
	assert_line(&out, "gpugate_denials_total{tenant=\"\",reason=\"untenanted\",name=\"a\\\"b\\\\c\\nd\"} 1");
	buf_release(&out);
	admission_metrics_destroy(metrics);
}

static void test_denials_are_bounded(void **state)
{
	(void)state;
	struct admission_metrics *metrics = new_metrics();
	for (int i = 0; i < METRICS_DENIALS_MAX + 1000; i++) {
		char name[300];
		int len = snprintf(name, sizeof name, "%0*d", i == 5 ? 299 : 1, i);
		admission_metrics_violation(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"),
					    (struct str){name, (size_t)len});
	}
	for (int i = 0; i < 100; i++) {
		char reason[24];
		int len = snprintf(reason, sizeof reason, "reason-%d", i);
		admission_metrics_violation(metrics, METRICS_DENIAL, STR("team-b"), (struct str){reason, (size_t)len},
					    STR("x"));
	}
	admission_metrics_violation(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"), STR("7"));
	struct buf out = rendered(metrics);
	assert_line(&out, "gpugate_denials_total{tenant=\"other\",reason=\"quota\",name=\"\"} 1000");
	assert_line(&out, "gpugate_denials_total{tenant=\"team-a\",reason=\"quota\",name=\"7\"} 2");
	size_t rows = 0, sum = 0;
	for (const char *at = out.ptr; (at = strstr(at, "\ngpugate_denials_total{")); at++) {
		rows++;
		sum += strtoul(strstr(at, "} ") + 2, NULL, 10);
	}
	assert_in_range(rows, METRICS_DENIALS_MAX, METRICS_DENIALS_MAX + 40);
	assert_int_equal(sum, METRICS_DENIALS_MAX + 1000 + 100 + 1);
	buf_release(&out);
	admission_metrics_destroy(metrics);
}

/* Every family has its two head lines once, before its samples. */
static void test_format(void **state)
{
	(void)state;
	struct admission_metrics *metrics = new_metrics();
	admission_metrics_violation(metrics, METRICS_DENIAL, STR("t"), STR("quota"), STR("q"));
	struct buf out = rendered(metrics);
	char family[128] = "";
	for (char *line = out.ptr, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(family, sizeof family, "%.*s", (int)strcspn(line + 7, " "), line + 7);
			assert_true(strlen(line + 7) > strlen(family) + 5);
		} else {
			const char *name = strncmp(line, "# TYPE ", 7) == 0 ? line + 7 : line;
			assert_int_equal(strncmp(name, family, strlen(family)), 0);
		}
	}
	buf_release(&out);
	admission_metrics_destroy(metrics);
}

static void *run_counting(void *metrics)
{
	for (int i = 0; i < 1000; i++) {
		admission_metrics_request(metrics, METRICS_VALIDATE, METRICS_ALLOWED, 1000);
		admission_metrics_violation(metrics, METRICS_DENIAL, STR("t"), STR("quota"), STR("q"));
		if (i % 100 == 0) {
			struct buf out = rendered(metrics);
			buf_release(&out);
		}
	}
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	struct admission_metrics *metrics = new_metrics();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_counting, metrics), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	struct buf out = rendered(metrics);
	assert_line(&out, "gpugate_admission_requests_total{path=\"/validate\",outcome=\"allowed\"} 4000");
	assert_line(&out, "gpugate_denials_total{tenant=\"t\",reason=\"quota\",name=\"q\"} 4000");
	buf_release(&out);
	admission_metrics_destroy(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_requests), cmocka_unit_test(test_denials), cmocka_unit_test(test_denials_are_bounded),
	    cmocka_unit_test(test_format),   cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
