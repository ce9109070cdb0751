/*
 * test_event_recorder: tests Events with a server of its own: what is posted, how often, and what
 * happens to the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "tests/unit/webhook/kube/kube_server.h"
#include "webhook/kube/event_recorder.h"

#define PATIENCE_MS 20000
#define INTERVAL_MS 300
#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
#define FORBIDDEN "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

struct fixture {
	struct kube_server server;
	char path[64];
	struct kube_config *config;
	struct kube_loop *loop;
	struct kube_client *client;
	struct kube_events *events;
};

static int set_up(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	kube_loop_stop(f->loop);
	kube_events_destroy(f->events);
	kube_client_destroy(f->client);
	kube_loop_destroy(f->loop);
	kube_config_destroy(f->config);
	server_stop(&f->server);
	unlink(f->path);
	free(f);
	return 0;
}

static void begin(struct fixture *f, const struct reply *replies, int count)
{
	struct error err = {0};
	server_start(&f->server, replies, count);
	snprintf(f->path, sizeof f->path, "/tmp/gpugate-events-XXXXXX");
	int fd = mkstemp(f->path);
	dprintf(fd,
		"current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: \"http://127.0.0.1:%u\"}}]\nusers: [{name: u, user: {}}]\n",
		f->server.port);
	close(fd);
	f->config = kube_config_load(f->path, &err);
	f->loop = f->config ? kube_loop_create(&err) : NULL;
	f->client = f->loop ? kube_client_create(f->loop, f->config, &err) : NULL;
	if (!f->client)
		fail_msg("%s", err.text);
	const struct kube_events_options options = {.loop = f->loop,
						    .client = f->client,
						    .namespace = "gpugate",
						    .replica = "gpugate-0",
						    .interval_ms = INTERVAL_MS};
	f->events = kube_events_create(&options, &err);
	assert_non_null(f->events);
	assert_int_equal(kube_loop_start(f->loop, &err), 0);
}

static unsigned long long value(struct fixture *f, const char *outcome)
{
	struct buf out;
	char line[64];
	buf_init(&out, 4096);
	kube_events_metrics_render(f->events, &out);
	buf_char(&out, '\0');
	snprintf(line, sizeof line, "{outcome=\"%s\"} ", outcome);
	const char *at = strstr(out.ptr, line);
	assert_non_null(at);
	unsigned long long number = strtoull(at + strlen(line), NULL, 10);
	buf_release(&out);
	return number;
}

static void wait_for(struct fixture *f, const char *outcome, unsigned long long least)
{
	int64_t until = kube_now_ms() + PATIENCE_MS;
	while (value(f, outcome) < least) {
		if (kube_now_ms() > until)
			fail_msg("%llu %s, not %llu", value(f, outcome), outcome, least);
		server_pause(2);
	}
}

static void assert_last(struct fixture *f, const char *text)
{
	pthread_mutex_lock(&f->server.mutex);
	bool found = strstr(f->server.last, text);
	if (!found)
		print_error("%s\nis not in\n%s\n", text, f->server.last);
	pthread_mutex_unlock(&f->server.mutex);
	assert_true(found);
}

static const struct reply created = {CREATED, AFTER_KEEP};

static void test_an_event_is_posted(void **state)
{
	struct fixture *f = *state;
	begin(f, &created, 1);
	kube_events_emit(f->events, true, "LedgerOutage", "reading \"it\" failed");
	wait_for(f, "posted", 1);
	assert_last(f, "POST /api/v1/namespaces/gpugate/events HTTP/1.1\r\n");
	assert_last(f, "\"metadata\":{\"generateName\":\"gpugate-\",\"namespace\":\"gpugate\"}");
	assert_last(f, "\"kind\":\"GPULedger\",\"name\":\"cluster\",\"namespace\":\"gpugate\"}");
	assert_last(
	    f,
	    "\"type\":\"Warning\",\"reason\":\"LedgerOutage\",\"message\":\"reading \\\"it\\\" failed\",\"count\":1");
	assert_last(f, "\"reportingInstance\":\"gpugate-0\"}");
}

static void test_a_storm_is_two_events(void **state)
{
	struct fixture *f = *state;
	begin(f, &created, 1);
	int64_t begun_ms = kube_now_ms();
	kube_events_emit(f->events, true, "LedgerOutage", "the first");
	wait_for(f, "posted", 1);
	for (int i = 0; i < 1000; i++)
		kube_events_emit(f->events, true, "LedgerOutage", i < 999 ? "one of many" : "the last");
	wait_for(f, "posted", 2);
	assert_true(kube_now_ms() - begun_ms >= INTERVAL_MS);
	assert_last(f, "\"message\":\"the last (and 999 more like it before)\",\"count\":1000");
	wait_for(f, "swallowed", 999);
	server_pause(2 * INTERVAL_MS);
	assert_int_equal(atomic_load(&f->server.requests), 2);
}

static void test_reasons_do_not_hold_each_other_up(void **state)
{
	struct fixture *f = *state;
	begin(f, &created, 1);
	kube_events_emit(f->events, true, "LedgerOutage", "it is gone");
	kube_events_emit(f->events, false, "LedgerRecovered", "it is back");
	wait_for(f, "posted", 2);
	assert_int_equal(value(f, "swallowed"), 0);
}

static void test_failures_are_counted(void **state)
{
	static const struct reply replies[] = {{FORBIDDEN, AFTER_KEEP}, {CREATED, AFTER_KEEP}};
	struct fixture *f = *state;
	begin(f, replies, 2);
	kube_events_emit(f->events, true, "LedgerOutage", "nobody hears this");
	wait_for(f, "failed", 1);
	kube_events_emit(f->events, true, "LedgerOutage", "but this");
	wait_for(f, "posted", 1);
	assert_last(f, "but this");
}

static void test_reasons_are_bounded(void **state)
{
	static char reasons[KUBE_EVENTS_REASONS + 3][24];
	struct fixture *f = *state;
	begin(f, &created, 1);
	for (int i = 0; i < KUBE_EVENTS_REASONS + 3; i++) {
		snprintf(reasons[i], sizeof reasons[i], "Reason%d", i);
		kube_events_emit(f->events, true, reasons[i], "x");
	}
	wait_for(f, "posted", KUBE_EVENTS_REASONS);
	assert_int_equal(value(f, "failed"), 3);
}

static void test_long_messages_are_cut_between_characters(void **state)
{
	struct fixture *f = *state;
	char message[3 * KUBE_EVENT_TEXT_MAX + 1] = "";
	for (size_t i = 0; i + 3 < sizeof message; i += 3)
		memcpy(message + i, "\xe2\x82\xac", 4);
	begin(f, &created, 1);
	kube_events_emit(f->events, true, "LedgerOutage", message);
	wait_for(f, "posted", 1);
	assert_last(f, "\xe2\x82\xac\",\"count\":1");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_an_event_is_posted),
	    TEST(test_a_storm_is_two_events),
	    TEST(test_reasons_do_not_hold_each_other_up),
	    TEST(test_failures_are_counted),
	    TEST(test_reasons_are_bounded),
	    TEST(test_long_messages_are_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
