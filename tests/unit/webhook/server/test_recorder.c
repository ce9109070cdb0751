/*
 * test_recorder: tests webhook/server/recorder.c and recorded_review.c: many threads, a queue that
 * is full, and the labels of namespaces. tests/blackbox/test_recording.py tests what is recorded.
 */
#include "tests/unit/policy_fixture.h"

#include <pthread.h>

#include "gpugate/pairs.h"
#include "webhook/server/recorder.h"

#define THREADS 4
#define REVIEWS 200 /* Of each thread. */

static const char body[] = "{\"request\": {\"uid\": \"u\", \"object\": {\"metadata\": {\"name\": \"p\"}}}}";
static const char response[] = "{\"response\": {\"uid\": \"u\", \"allowed\": true}}";

struct bench {
	char folder[32];
	struct policy *policy;
	struct recorder *recorder;
	struct pairs labels;
	struct str body;
	FILE *lines; /* Of the log. */
	struct log *log;
	char log_text[4096]; /* At the end. */
};

static FILE *rewound(FILE *file)
{
	rewind(file);
	return file;
}

static void open_bench(struct bench *bench)
{
	struct error err = {0};
	*bench = (struct bench){.folder = "/tmp/gpugate-unit-XXXXXX", .body = str_of(body)};
	assert_non_null(mkdtemp(bench->folder));
	bench->policy = fixture_policy("apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\n"
				       "spec: {deny: [privileged]}\n",
				       NULL, 0);
	assert_non_null(bench->policy);
	bench->lines = tmpfile();
	assert_non_null(bench->lines);
	bench->log = log_create(fileno(bench->lines), &err);
	assert_non_null(bench->log);
	/* The end writes everything, however slow the machine is. */
	const struct recorder_options options = {
	    .folder = bench->folder, .max_bytes = 8 << 20, .give_up_ms = 600000, .log = bench->log};
	bench->recorder = recorder_create(&options, &err);
	if (!bench->recorder)
		fail_msg("%s", err.text);
}

static void note(struct bench *bench)
{
	recorder_note(bench->recorder, &(struct review_source){.endpoint = "/mutate",
							       .body = bench->body,
							       .response = str_of(response),
							       .policy = bench->policy,
							       .namespace_labels = &bench->labels});
}

static void assert_outcomes(struct bench *bench, unsigned written, unsigned dropped, unsigned failed)
{
	char expected[256];
	struct buf text;
	buf_init(&text, 4096);
	recorder_metrics_render(bench->recorder, &text);
	buf_char(&text, '\0');
	snprintf(expected, sizeof expected,
		 "gpugate_recorded_reviews_total{outcome=\"written\"} %u\n"
		 "gpugate_recorded_reviews_total{outcome=\"dropped\"} %u\n"
		 "gpugate_recorded_reviews_total{outcome=\"failed\"} %u\n",
		 written, dropped, failed);
	assert_non_null(strstr(text.ptr, expected));
	buf_release(&text);
}

static void assert_counts(struct bench *bench, unsigned written, unsigned dropped)
{
	assert_outcomes(bench, written, dropped, 0);
}

/* Stops the recorder. Returns what it has written, which the caller releases. */
static struct buf close_bench(struct bench *bench)
{
	char command[128];
	struct buf text;
	recorder_destroy(bench->recorder);
	policy_release(bench->policy);
	log_destroy(bench->log);
	bench->log_text[fread(bench->log_text, 1, sizeof bench->log_text - 1, rewound(bench->lines))] = '\0';
	fclose(bench->lines);
	buf_init(&text, 64 << 20);
	snprintf(command, sizeof command, "cat %s/gpugate-*.jsonl && rm -r %s", bench->folder, bench->folder);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	char piece[4096];
	for (size_t len; (len = fread(piece, 1, sizeof piece, pipe)) > 0;)
		buf_add(&text, piece, len);
	pclose(pipe);
	buf_char(&text, '\0');
	return text;
}

static unsigned count_lines(const struct buf *text)
{
	unsigned lines = 0;
	for (const char *at = text->ptr; (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

static void test_a_line(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	const struct pair labels[] = {{STR("team"), STR("a\"b")}, {STR("x"), STR("")}};
	bench.labels = (struct pairs){labels, 2, true};
	note(&bench);
	struct buf text = close_bench(&bench);
	const char *tail = "\"request\":{\"uid\":\"u\",\"object\":{\"metadata\":{\"name\":\"p\"}}},"
			   "\"namespaceLabels\":{\"team\":\"a\\\"b\",\"x\":\"\"},\"response\":{\"allowed\":true}}\n";
	assert_int_equal(strncmp(text.ptr, "{\"time\":\"20", 11), 0);
	assert_string_equal(strstr(text.ptr, "\"request\""), tail);
	buf_release(&text);
}

static void *run_notes(void *bench)
{
	for (int i = 0; i < REVIEWS; i++)
		note(bench);
	return NULL;
}

/* Nothing is lost as long as the queue has room, and the end writes what waits. */
static void test_threads(void **state)
{
	(void)state;
	struct bench bench;
	pthread_t threads[THREADS];
	open_bench(&bench);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_notes, &bench), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	struct buf text = close_bench(&bench);
	assert_int_equal(count_lines(&text), THREADS * REVIEWS);
	buf_release(&text);
}

static void wait_for_lines(struct bench *bench, const char *number)
{
	/* Two minutes, which only a failure takes. */
	for (int i = 0; i < 120000; i++) {
		struct buf text;
		buf_init(&text, 4096);
		recorder_metrics_render(bench->recorder, &text);
		buf_char(&text, '\0');
		bool there = strstr(text.ptr, number);
		buf_release(&text);
		if (there)
			return;
		usleep(1000);
	}
	fail_msg("there is never %s", number);
}

/* A review that the queue can never hold, or that is more than a file, is dropped. */
static void test_too_large(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	char *large = malloc(RECORDER_QUEUE_BYTES + 1);
	assert_non_null(large);
	memset(large, ' ', RECORDER_QUEUE_BYTES + 1);
	memcpy(large, body, sizeof body - 1);
	bench.body = (struct str){large, RECORDER_QUEUE_BYTES + 1};
	note(&bench);
	assert_counts(&bench, 0, 1);

	memset(large, 'x', 2 << 20);
	memcpy(large, "{\"request\":{\"name\":\"", 20);
	memcpy(large + (2 << 20) - 3, "\"}}", 3);
	bench.body.len = 2 << 20;
	note(&bench);
	bench.body = str_of(body);
	note(&bench);
	wait_for_lines(&bench, "written\"} 1");
	assert_counts(&bench, 1, 2);
	struct buf text = close_bench(&bench);
	assert_int_equal(count_lines(&text), 1);
	buf_release(&text);
	free(large);
}

/* What cannot be redacted is not written, and leaves nothing behind. The first one is logged. */
static void test_unreadable(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	bench.body = STR("{\"request\":{\"object\":{\"spec\":{\"volumes\":7}}}}");
	note(&bench);
	note(&bench);
	bench.body = str_of(body);
	note(&bench);
	wait_for_lines(&bench, "written\"} 1");
	assert_outcomes(&bench, 1, 0, 2);
	struct buf text = close_bench(&bench);
	assert_int_equal(count_lines(&text), 1);
	assert_null(strstr(text.ptr, "volumes"));
	const char *line = strstr(bench.log_text, "\"event\":\"recording_failed\"");
	assert_non_null(line);
	assert_non_null(strstr(line, "a review cannot be redacted, and is not recorded: "));
	assert_null(strstr(line + 1, "\"event\":\"recording_failed\""));
	buf_release(&text);
}

static void test_none(void **state)
{
	(void)state;
	recorder_note(NULL, NULL);
	recorder_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_line),     cmocka_unit_test(test_threads), cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_unreadable), cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
