/*
 * test_registry: tests webhook/metrics/registry.c: counters, limits, the text format, and threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "webhook/metrics/registry.h"
#include "webhook/metrics/text.h"

static struct metrics *new_metrics(void)
{
	struct error err = {0};
	struct metrics *metrics = metrics_create(&err);
	assert_non_null(metrics);
	return metrics;
}

static struct buf rendered(struct metrics *metrics)
{
	struct buf out;
	buf_init(&out, 8 << 20);
	metrics_render(metrics, &out);
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
	struct metrics *metrics = new_metrics();
	metrics_request(metrics, METRICS_MUTATE, METRICS_PATCHED, 50000);
	metrics_request(metrics, METRICS_MUTATE, METRICS_PATCHED, 50001);
	metrics_request(metrics, METRICS_MUTATE, METRICS_ALLOWED, 20000000000u);
	metrics_request(metrics, METRICS_VALIDATE, METRICS_DENIED, 1);
	metrics_request(NULL, METRICS_VALIDATE, METRICS_DENIED, 1);
	metrics_http_rejected(metrics, 413);
	metrics_http_rejected(metrics, 431);
	metrics_http_rejected(metrics, 200);
	metrics_http_rejected(metrics, 600);
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
	    "gpugate_build_info{version=\"" GPUGATE_VERSION "\"} 1",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_line(&out, lines[i]);
	assert_null(strstr(out.ptr, "code=\"200\""));
	assert_non_null(strstr(out.ptr, "\nprocess_resident_memory_bytes "));
	assert_non_null(strstr(out.ptr, "\nprocess_start_time_seconds "));
	buf_release(&out);
	metrics_destroy(metrics);
	metrics_destroy(NULL);
}

static void test_numbers(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	metrics_set(metrics, METRICS_POLICY_GENERATION, 7);
	metrics_add(metrics, METRICS_POLICY_RELOAD_FAILURES, 2);
	metrics_add(metrics, METRICS_POLICY_RELOAD_FAILURES, 1);
	metrics_set(metrics, METRICS_CERTIFICATE_EXPIRY, 1795600000);
	metrics_set_policy(metrics, &(struct metrics_policy){.commit = "0123456789abcdef0123456789abcdef01234567",
							     .digest = "00000000000000010000000000000002",
							     .dirty = "false"});
	assert_int_equal(metrics_get(metrics, METRICS_POLICY_GENERATION), 7);
	struct buf out = rendered(metrics);
	assert_line(&out, "gpugate_policy_generation 7");
	assert_line(&out, "gpugate_policy_reload_failures_total 3");
	assert_line(&out, "gpugate_certificate_expiry_timestamp_seconds 1795600000");
	assert_line(&out, "gpugate_policy_info{commit=\"0123456789abcdef0123456789abcdef01234567\","
			  "digest=\"00000000000000010000000000000002\",dirty=\"false\"} 1");
	buf_release(&out);
	metrics_destroy(metrics);
}

static void test_denials(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	for (int i = 0; i < 3; i++)
		metrics_object(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"), STR("compute"));
	metrics_object(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"), STR("whole"));
	metrics_object(metrics, METRICS_DENIAL, (struct str){NULL, 0}, STR("untenanted"), STR("a\"b\\c\nd"));
	struct buf out = rendered(metrics);
	assert_line(&out, "gpugate_denials_total{tenant=\"team-a\",reason=\"quota\",name=\"compute\"} 3");
	assert_line(&out, "gpugate_denials_total{tenant=\"team-a\",reason=\"quota\",name=\"whole\"} 1");
	assert_line(&out, "gpugate_denials_total{tenant=\"\",reason=\"untenanted\",name=\"a\\\"b\\\\c\\nd\"} 1");
	buf_release(&out);
	metrics_destroy(metrics);
}

static void test_denials_are_bounded(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	for (int i = 0; i < METRICS_DENIALS_MAX + 1000; i++) {
		char name[300];
		int len = snprintf(name, sizeof name, "%0*d", i == 5 ? 299 : 1, i);
		metrics_object(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"), (struct str){name, (size_t)len});
	}
	for (int i = 0; i < 100; i++) {
		char reason[24];
		int len = snprintf(reason, sizeof reason, "reason-%d", i);
		metrics_object(metrics, METRICS_DENIAL, STR("team-b"), (struct str){reason, (size_t)len}, STR("x"));
	}
	metrics_object(metrics, METRICS_DENIAL, STR("team-a"), STR("quota"), STR("7"));
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
	metrics_destroy(metrics);
}

static void render_hook(void *context, struct buf *out)
{
	metrics_set(context, METRICS_LOG_DROPPED, 5);
	metrics_head(out, "gpugate_quota_used", "gauge", "What is used.");
	buf_text(out, "gpugate_quota_used 1\n");
}

static void test_hooks(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	struct error err = {0};
	assert_int_equal(metrics_hook(metrics, render_hook, metrics, &err), 0);
	struct buf out = rendered(metrics);
	assert_line(&out, "gpugate_quota_used 1");
	assert_line(&out, "gpugate_log_lines_dropped_total 5");
	buf_release(&out);
	for (int i = 1; i < 12; i++)
		assert_int_equal(metrics_hook(metrics, render_hook, metrics, &err), 0);
	assert_int_equal(metrics_hook(metrics, render_hook, metrics, &err), -1);
	assert_string_not_equal(err.text, "");
	metrics_destroy(metrics);
}

/* Every family has its two header lines once, before its samples. */
static void test_format(void **state)
{
	(void)state;
	struct metrics *metrics = new_metrics();
	metrics_object(metrics, METRICS_DENIAL, STR("t"), STR("quota"), STR("q"));
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
	metrics_destroy(metrics);
}

static void *run_counting(void *metrics)
{
	for (int i = 0; i < 1000; i++) {
		metrics_request(metrics, METRICS_VALIDATE, METRICS_ALLOWED, 1000);
		metrics_object(metrics, METRICS_DENIAL, STR("t"), STR("quota"), STR("q"));
		metrics_set_policy(metrics, &(struct metrics_policy){.commit = "abc"});
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
	struct metrics *metrics = new_metrics();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_counting, metrics), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	struct buf out = rendered(metrics);
	assert_line(&out, "gpugate_admission_requests_total{path=\"/validate\",outcome=\"allowed\"} 4000");
	assert_line(&out, "gpugate_denials_total{tenant=\"t\",reason=\"quota\",name=\"q\"} 4000");
	buf_release(&out);
	metrics_destroy(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_requests), cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_denials),  cmocka_unit_test(test_denials_are_bounded),
	    cmocka_unit_test(test_hooks),    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
