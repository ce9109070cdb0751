/* test_target_reader: reads that wait for their turn, share a call, or come to nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>

#include "tests/unit/webhook/kube/kube_server.h"
#include "webhook/json/scan.h"
#include "webhook/server/target_reader.h"

#define PATIENCE_MS 20000
#define READS_MAX 600
#define BODY(text) "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" text
#define SLOW(text) "\f" BODY(text)
#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"

struct fixture {
	struct kube_server server;
	char root[64];
	int log_fd;
	struct log *log;
	struct kube_config *config;
	struct kube_loop *loop;
	struct target_reader *reader;
	struct result {
		struct target_read read;
		struct fixture *f;
		char path[32], body[8];
		enum target_state state;
		int number; /* How many have ended before it. */
	} results[READS_MAX];
	int count;
	atomic_int ended;
};

static void set_up(struct fixture *f, const struct reply *replies, int count)
{
	char path[96];
	struct error err = {0};
	*f = (struct fixture){.root = "/tmp/gpugate-target-XXXXXX"};
	signal(SIGPIPE, SIG_IGN);
	server_start(&f->server, replies, count);
	assert_non_null(mkdtemp(f->root));
	snprintf(path, sizeof path, "%s/kubeconfig", f->root);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: \"http://127.0.0.1:%u\"}}]\nusers: [{name: u, user: {}}]\n",
		f->server.port);
	assert_int_equal(fclose(file), 0);
	f->log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	f->log = log_create(f->log_fd, &err);
	f->config = kube_config_load(path, &err);
	f->loop = f->config ? kube_loop_create(&err) : NULL;
	f->reader = f->loop && f->log ? target_reader_create(f->loop, f->config, f->log, &err) : NULL;
	if (!f->reader || kube_loop_start(f->loop, &err) < 0)
		fail_msg("%s", err.text);
	unlink(path);
	rmdir(f->root);
}

static void tear_down(struct fixture *f)
{
	kube_loop_stop(f->loop);
	target_reader_destroy(f->reader);
	kube_loop_destroy(f->loop);
	kube_config_destroy(f->config);
	log_destroy(f->log);
	close(f->log_fd);
	server_stop(&f->server);
}

static void on_done(struct target_read *read, enum target_state state, struct str json)
{
	struct result *result = read->context;
	result->state = state;
	assert_int_equal(str_present(json), state == TARGET_READ);
	snprintf(result->body, sizeof result->body, "%.*s", STR_ARG(json));
	if (str_present(json))
		for (size_t i = 0; i < REVIEW_PADDING; i++)
			assert_int_equal(json.ptr[json.len + i], 0);
	result->number = atomic_load(&result->f->ended);
	atomic_fetch_add(&result->f->ended, 1);
}

static struct result *begin(struct fixture *f, const char *path, bool waits, int64_t ms)
{
	struct result *result = &f->results[f->count++];
	*result = (struct result){.f = f};
	snprintf(result->path, sizeof result->path, "%s", path);
	result->read = (struct target_read){.path = result->path,
					    .deadline_ms = kube_now_ms() + ms,
					    .waits = waits,
					    .done = on_done,
					    .context = result};
	target_reader_read(f->reader, &result->read);
	return result;
}

static void wait_for(const atomic_int *value, int least)
{
	int64_t until = kube_now_ms() + PATIENCE_MS;
	while (atomic_load(value) < least) {
		if (kube_now_ms() > until)
			fail_msg("%d of %d", atomic_load(value), least);
		server_pause(1);
	}
}

static unsigned count_of(const struct fixture *f, enum target_state state)
{
	unsigned found = 0;
	for (int i = 0; i < f->count; i++)
		found += f->results[i].state == state;
	return found;
}

static void test_states(void **state)
{
	(void)state;
	static const struct reply replies[] = {{BODY("one"), AFTER_KEEP},
					       {EMPTY("404 Not Found"), AFTER_KEEP},
					       {EMPTY("403 Forbidden"), AFTER_KEEP},
					       {EMPTY("500 Internal Server Error"), AFTER_KEEP},
					       {NULL, AFTER_RESET}};
	static const enum target_state expected[] = {TARGET_READ, TARGET_ABSENT, TARGET_UNREAD, TARGET_UNREAD,
						     TARGET_UNREAD};
	struct fixture *f = calloc(1, sizeof *f);
	set_up(f, replies, 5);
	for (int i = 0; i < 5; i++) {
		struct result *result = begin(f, "/a", i % 2, PATIENCE_MS);
		wait_for(&f->ended, i + 1);
		assert_int_equal(result->state, expected[i]);
	}
	assert_string_equal(f->results[0].body, "one");
	/* Too late before it begins. */
	struct result *late = begin(f, "/a", true, 0);
	wait_for(&f->ended, 6);
	assert_int_equal(late->state, TARGET_UNREAD);
	/* libcurl repeats one that a kept connection has swallowed. */
	assert_in_range(atomic_load(&f->server.requests), 5, 6);
	tear_down(f);
	free(f);
}

/* A burst of Pods of one workload: none is refused, and the API server has little to do. */
static void test_burst(void **state)
{
	(void)state;
	static const struct reply replies[] = {{SLOW("one"), AFTER_KEEP}};
	struct fixture *f = calloc(1, sizeof *f);
	set_up(f, replies, 1);
	for (int i = 0; i < READS_MAX; i++)
		begin(f, "/job", true, PATIENCE_MS);
	wait_for(&f->ended, READS_MAX);
	assert_int_equal(count_of(f, TARGET_READ), READS_MAX);
	assert_in_range(atomic_load(&f->server.requests), 1, READS_MAX / 4);
	tear_down(f);
	free(f);
}

/* As many different objects as one likes wait, and those that do not wait are bounded. */
static void test_different_objects(void **state)
{
	(void)state;
	static const struct reply replies[] = {{SLOW("one"), AFTER_KEEP}};
	struct fixture *f = calloc(1, sizeof *f);
	char path[32];
	set_up(f, replies, 1);
	for (int i = 0; i < 80; i++) {
		snprintf(path, sizeof path, "/job-%d", i);
		begin(f, path, true, PATIENCE_MS);
	}
	wait_for(&f->ended, 80);
	assert_int_equal(count_of(f, TARGET_READ), 80);
	assert_int_equal(atomic_load(&f->server.requests), 80);
	tear_down(f);
	free(f);
}

/* What is read after a request has come is never older than the request. */
static void test_later_read(void **state)
{
	(void)state;
	static const struct reply replies[] = {{"\f\f\f" BODY("old"), AFTER_KEEP}, {BODY("new"), AFTER_KEEP}};
	struct fixture *f = calloc(1, sizeof *f);
	set_up(f, replies, 2);
	struct result *first = begin(f, "/a", true, PATIENCE_MS);
	wait_for(&f->server.requests, 1);
	struct result *second = begin(f, "/a", true, PATIENCE_MS);
	wait_for(&f->ended, 2);
	assert_string_equal(first->body, "old");
	assert_string_equal(second->body, "new");
	tear_down(f);
	free(f);
}

static void test_deadlines(void **state)
{
	(void)state;
	static const struct reply replies[] = {{NULL, AFTER_HANG}};
	struct fixture *f = calloc(1, sizeof *f);
	set_up(f, replies, 1);
	/* Those that do not wait long: the excess ends at once, and the others after a while. */
	for (int i = 0; i < TARGET_READS_MAX + 8; i++)
		begin(f, "/a", false, PATIENCE_MS);
	wait_for(&f->ended, 8);
	struct result *waiting = begin(f, "/b", true, 1);
	wait_for(&f->ended, TARGET_READS_MAX + 9);
	assert_int_equal(count_of(f, TARGET_UNREAD), TARGET_READS_MAX + 9);
	assert_int_equal(waiting->number, 8);
	/* The end of all reads of a call ends the call. */
	int requests = atomic_load(&f->server.requests);
	begin(f, "/c", true, 100);
	wait_for(&f->server.gone, requests + 1);
	tear_down(f);
	free(f);
}

/* Reads that do not wait for their turn take neither all calls nor the next one. */
static void test_precedence(void **state)
{
	(void)state;
	static const struct reply replies[] = {
	    {NULL, AFTER_HANG}, {NULL, AFTER_HANG}, {NULL, AFTER_HANG}, {BODY("one"), AFTER_KEEP}};
	struct fixture *f = calloc(1, sizeof *f);
	char path[32];
	set_up(f, replies, 4);
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof path, "/deployment-%d", i);
		begin(f, path, false, PATIENCE_MS);
	}
	wait_for(&f->server.requests, 3);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "/job-%d", i);
		begin(f, path, true, PATIENCE_MS);
	}
	wait_for(&f->ended, 12);
	for (int i = 8; i < 12; i++) {
		assert_int_equal(f->results[i].state, TARGET_READ);
		assert_in_range(f->results[i].number, 0, 3);
	}
	tear_down(f);
	free(f);
}

static void test_stop(void **state)
{
	(void)state;
	static const struct reply replies[] = {{NULL, AFTER_HANG}};
	struct fixture *f = calloc(1, sizeof *f);
	char path[32];
	set_up(f, replies, 1);
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof path, "/job-%d", i);
		begin(f, path, true, PATIENCE_MS);
	}
	wait_for(&f->server.requests, 4);
	target_reader_stop(f->reader);
	assert_int_equal(atomic_load(&f->ended), 10);
	begin(f, "/late", true, PATIENCE_MS);
	wait_for(&f->ended, 11);
	assert_int_equal(count_of(f, TARGET_UNREAD), 11);
	tear_down(f);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_states),
	    cmocka_unit_test(test_burst),
	    cmocka_unit_test(test_different_objects),
	    cmocka_unit_test(test_later_read),
	    cmocka_unit_test(test_deadlines),
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
