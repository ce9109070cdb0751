/*
 * test_client: tests the client with a server that misbehaves as an API server behind load
 * balancers can.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <signal.h>
#include <sys/stat.h>

#include "gpugate/certs.h"
#include "tests/unit/webhook/kube/kube_server.h"
#include "webhook/json/scan.h"
#include "webhook/kube/client.h"

#define PATIENCE_MS 20000
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"
/*
 * The client must not reuse the connection, which it could do before it notices that it was closed.
 */
#define LAST(status) "HTTP/1.1 " status "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

struct fixture {
	struct kube_server server;
	bool serving;
	char root[64];
	struct kube_config *config;
	struct kube_loop *loop;
	struct kube_client *client;
};

/* A call and its outcome. */
struct outcome {
	struct fixture *f;
	struct kube_request *request;
	struct kube_call call;
	struct kube_task begin, cancel;
	atomic_int begun, ended, cancelled, pieces;
	bool inside;          /* kube_call is running. */
	bool cancel_at_piece; /* `received` cancels the call. */
	int refuse_at;        /* The piece at which `received` returns -1. 0: none. */
	unsigned status, retry_after_ms;
	bool problem_given;
	char problem[1024];
	char body[256], streamed[256];
	size_t body_len;
	int64_t took_ms;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	signal(SIGPIPE, SIG_IGN);
	/* These must be ignored. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	snprintf(f->root, sizeof f->root, "/tmp/gpugate-kube-XXXXXX");
	*state = f;
	return mkdtemp(f->root) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];
	if (f->loop)
		kube_loop_stop(f->loop);
	kube_client_destroy(f->client);
	kube_loop_destroy(f->loop);
	kube_config_destroy(f->config);
	if (f->serving)
		server_stop(&f->server);
	snprintf(command, sizeof command, "rm -rf '%s'", f->root);
	int status = system(command);
	free(f);
	return status;
}

static const char *path_in(const struct fixture *f, const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", f->root, name);
	return path;
}

static void put(const struct fixture *f, const char *name, struct str text)
{
	FILE *file = fopen(path_in(f, name), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
}

/* Creates a client whose kubeconfig has these lines for its cluster and its user. */
static void connect_to(struct fixture *f, const char *server, const char *cluster, const char *user)
{
	char text[1024];
	struct error err = {0};
	int len = snprintf(text, sizeof text,
			   "current-context: c\n"
			   "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
			   "clusters: [{name: c, cluster: {server: \"%s\"%s}}]\n"
			   "users: [{name: u, user: {%s}}]\n",
			   server, cluster, user);
	put(f, "kubeconfig", (struct str){text, (size_t)len});
	f->config = kube_config_load(path_in(f, "kubeconfig"), &err);
	f->loop = f->config ? kube_loop_create(&err) : NULL;
	f->client = f->loop ? kube_client_create(f->loop, f->config, &err) : NULL;
	if (!f->client || kube_loop_start(f->loop, &err) < 0)
		fail_msg("%s", err.text);
}

static void serve(struct fixture *f, const struct reply *replies, int count, const char *user)
{
	char url[64];
	server_start(&f->server, replies, count);
	f->serving = true;
	snprintf(url, sizeof url, "http://127.0.0.1:%u/base/", f->server.port);
	connect_to(f, url, "", user);
}
#define SERVE(f, replies) serve(f, replies, (int)(sizeof(replies) / sizeof *(replies)), "")

static void wait_for(const atomic_int *value, int least, int line)
{
	int64_t until = kube_now_ms() + PATIENCE_MS;
	while (atomic_load(value) < least) {
		if (kube_now_ms() > until)
			fail_msg("line %d: %d of %d", line, atomic_load(value), least);
		server_pause(1);
	}
}
#define WAIT(value, least) wait_for(value, least, __LINE__)

static void on_done(void *context, const struct kube_response *answer)
{
	struct outcome *o = context;
	o->status = answer->status;
	o->retry_after_ms = answer->retry_after_ms;
	o->problem_given = answer->problem != NULL;
	snprintf(o->problem, sizeof o->problem, "%s", answer->problem ? answer->problem : "");
	snprintf(o->body, sizeof o->body, "%.*s", STR_ARG(answer->body));
	o->body_len = answer->body.len;
	volatile char padding = answer->body.ptr[answer->body.len + REVIEW_PADDING - 1];
	(void)padding;
	o->took_ms += kube_now_ms();
	assert_false(o->inside);
	/* Too late, and harmless. */
	kube_cancel(o->f->client, o->request);
	atomic_fetch_add(&o->ended, 1);
}

static int on_piece(void *context, const char *bytes, size_t len)
{
	struct outcome *o = context;
	size_t have = strlen(o->streamed);
	snprintf(o->streamed + have, sizeof o->streamed - have, "%.*s", (int)len, bytes);
	int number = atomic_fetch_add(&o->pieces, 1) + 1;
	if (o->cancel_at_piece) {
		kube_cancel(o->f->client, o->request);
		kube_cancel(o->f->client, o->request);
		memset(o->streamed, 0, sizeof o->streamed);
		atomic_fetch_add(&o->cancelled, 1);
	}
	return o->refuse_at == number ? -1 : 0;
}

static void begin(void *context)
{
	struct outcome *o = context;
	o->call.context = o;
	o->call.done = on_done;
	o->inside = true;
	o->took_ms = -kube_now_ms();
	o->request = kube_call(o->f->client, &o->call);
	o->inside = false;
	atomic_fetch_add(&o->begun, 1);
}

static void cancel(void *context)
{
	struct outcome *o = context;
	kube_cancel(o->f->client, o->request);
	atomic_fetch_add(&o->cancelled, 1);
}

static void launch(struct fixture *f, struct outcome *o, struct kube_call call)
{
	*o = (struct outcome){.f = f, .call = call, .refuse_at = o->refuse_at, .cancel_at_piece = o->cancel_at_piece};
	o->call.method = call.method ? call.method : "GET";
	o->call.path = call.path ? call.path : "/x";
	o->begin = (struct kube_task){.run = begin, .context = o};
	o->cancel = (struct kube_task){.run = cancel, .context = o};
	kube_loop_post(f->loop, &o->begin);
}

static struct outcome run(struct fixture *f, struct kube_call call)
{
	struct outcome *o = calloc(1, sizeof *o), copy;
	launch(f, o, call);
	WAIT(&o->ended, 1);
	copy = *o;
	free(o);
	return copy;
}

static void says(const struct outcome *o, const char *text)
{
	if (!strstr(o->problem, text))
		fail_msg("\"%s\" does not say \"%s\"", o->problem, text);
	assert_null(strstr(o->problem, "secret"));
}

/* --- Requests and answers --- */

static void sent(struct fixture *f, const char *text)
{
	char last[SERVER_REQUEST_BYTES];
	pthread_mutex_lock(&f->server.mutex);
	memcpy(last, f->server.last, sizeof last);
	/* Unlocks first, because a failing test stops the server, which needs the mutex. */
	pthread_mutex_unlock(&f->server.mutex);
	if (!strstr(last, text))
		fail_msg("\"%s\" is not in:\n%s", text, last);
}

static void test_request_and_answer(void **state)
{
	static const struct reply replies[] = {{HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.path = "/api/../v1?limit=1&a=%2F", .timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 200);
	assert_string_equal(o.body, "hello");
	assert_false(o.problem_given);
	sent(f, "GET /base/api/../v1?limit=1&a=%2F HTTP/1.1\r\n");
	assert_null(strstr(f->server.last, "Authorization"));
	sent(f, "\r\nUser-Agent: gpugate/" GPUGATE_VERSION "\r\n");
	sent(f, "\r\nAccept: application/json\r\n");
	assert_null(strstr(f->server.last, "Expect"));
	assert_null(strstr(f->server.last, "Content-Type"));
	/* Above libcurl's threshold for Expect. */
	char *body = malloc(2000);
	memset(body, 'b', 2000);
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		o = run(f, (struct kube_call){.method = methods[i],
					      .body = {body, 2000},
					      .accept = "application/json;as=Table",
					      .content_type = "application/merge-patch+json"});
		assert_int_equal(o.status, 200);
		sent(f, methods[i]);
		sent(f, "\r\nContent-Type: application/merge-patch+json\r\n");
		sent(f, "\r\nAccept: application/json;as=Table\r\n");
		sent(f, "\r\nContent-Length: 2000\r\n");
		sent(f, "bbbb");
		assert_null(strstr(f->server.last, "Expect"));
	}
	free(body);
	run(f, (struct kube_call){.method = "DELETE"});
	sent(f, "DELETE /base/x HTTP/1.1\r\n");
	assert_int_equal(atomic_load(&f->server.connections), 1);
	assert_int_equal(atomic_load(&f->server.requests), 6);
}

static void test_statuses_are_values(void **state)
{
	static const struct reply replies[] = {
	    {"HTTP/1.1 409 Conflict\r\nContent-Length: 73\r\n\r\n"
	     "{\"kind\":\"Status\",\"message\":\"the object has\\nbeen modified\",\"code\":409}   ",
	     AFTER_KEEP},
	    {"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n{\"kin", AFTER_KEEP},
	    {EMPTY("401 Unauthorized"), AFTER_KEEP},
	    {"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", AFTER_KEEP},
	    {EMPTY("302 Found\r\nLocation: http://127.0.0.1:1/"), AFTER_KEEP},
	    {"HTTP/1.1 100 Continue\r\n\r\n" HELLO, AFTER_KEEP},
	    {EMPTY("503 Unavailable"), AFTER_KEEP},
	};
	struct fixture *f = *state;
	SERVE(f, replies);
	char place[128];
	struct kube_call call = {.timeout_ms = 5000};
	snprintf(place, sizeof place, "the API server at 127.0.0.1:%u answered 409: the object has been modified",
		 f->server.port);
	struct outcome o = run(f, call);
	assert_int_equal(o.status, 409);
	assert_string_equal(o.problem, place);
	assert_int_equal(o.body_len, 73);
	o = run(f, call);
	assert_int_equal(o.status, 404);
	says(&o, "answered 404 without a reason");
	o = run(f, call);
	assert_int_equal(o.status, 401);
	says(&o, "check that the token");
	/* It would have to wait longer than its timeout. */
	o = run(f, call);
	assert_int_equal(o.status, 429);
	assert_int_equal(o.retry_after_ms, 7000);
	o = run(f, call);
	assert_int_equal(o.status, 302);
	assert_false(o.problem_given);
	o = run(f, call);
	assert_int_equal(o.status, 200);
	assert_string_equal(o.body, "hello");
	o = run(f, call);
	assert_int_equal(o.status, 503);
	assert_int_equal(atomic_load(&f->server.requests), 7);
}

/* --- Retries --- */

static void test_retries(void **state)
{
	static const struct reply replies[] = {
	    {LAST("503 Unavailable"), AFTER_CLOSE}, {NULL, AFTER_RESET},
	    {LAST("500 Internal"), AFTER_CLOSE},    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", AFTER_RESET},
	    {EMPTY("504 Gateway"), AFTER_KEEP},     {HELLO, AFTER_KEEP},
	};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.retry = true, .timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 200);
	assert_string_equal(o.body, "hello");
	assert_true(o.took_ms >= 25 + 50 + 100 + 200 + 400);
	assert_int_equal(atomic_load(&f->server.requests), 6);
}

static void test_retry_after(void **state)
{
	static const struct reply replies[] = {
	    {"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", AFTER_KEEP}, {HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.method = "POST", .body = STR("{}"), .timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 200);
	assert_true(o.took_ms >= 1000);
	assert_int_equal(atomic_load(&f->server.requests), 2);
}

/* A request that may have been executed is not repeated unless the caller asks for that. */
static void test_no_retry_unasked(void **state)
{
	static const struct reply replies[] = {
	    {LAST("503 Unavailable"), AFTER_CLOSE}, {LAST("429 Too Many"), AFTER_CLOSE}, {NULL, AFTER_RESET}};
	struct fixture *f = *state;
	struct kube_call call = {.method = "PUT", .body = STR("{}"), .timeout_ms = PATIENCE_MS};
	SERVE(f, replies);
	assert_int_equal(run(f, call).status, 503);
	assert_int_equal(run(f, call).status, 429);
	struct outcome o = run(f, call);
	assert_int_equal(o.status, 0);
	says(&o, "closed the connection unexpectedly");
	assert_int_equal(atomic_load(&f->server.requests), 3);
}

/* libcurl itself would repeat these. */
static void test_no_hidden_retry(void **state)
{
	static const struct reply replies[] = {{HELLO, AFTER_KEEP}, {NULL, AFTER_RESET}, {HELLO, AFTER_KEEP},
					       {NULL, AFTER_CLOSE}, {HELLO, AFTER_KEEP}, {NULL, AFTER_RESET},
					       {HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	struct kube_call call = {.method = "PUT", .body = STR("{}"), .timeout_ms = PATIENCE_MS};
	SERVE(f, replies);
	for (int i = 1; i <= 4; i++) {
		struct outcome o = run(f, call);
		assert_int_equal(o.status, i % 2 ? 200 : 0);
		assert_int_equal(atomic_load(&f->server.requests), i);
	}
	call.retry = true;
	assert_int_equal(run(f, call).status, 200);
	assert_int_equal(run(f, call).status, 200);
	sent(f, "\r\n\r\n{}");
	assert_int_equal(atomic_load(&f->server.requests), 7);
}

static void test_retries_end_in_time(void **state)
{
	static const struct reply replies[] = {{EMPTY("503 Unavailable"), AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.retry = true, .timeout_ms = 5000});
	/* The last answer, because no further attempt fits. */
	assert_int_equal(o.status, 503);
	assert_in_range(atomic_load(&f->server.requests), 1, 9);
}

static void test_deadline(void **state)
{
	static const struct reply replies[] = {
	    {NULL, AFTER_HANG}, {LAST("503 Unavailable"), AFTER_CLOSE}, {"HTTP/1.1 200 OK\r\nContent-Le", AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.timeout_ms = 150});
	assert_int_equal(o.status, 0);
	assert_true(o.took_ms >= 149 && o.took_ms < PATIENCE_MS / 2);
	says(&o, "did not answer within 150 ms");
	WAIT(&f->server.gone, 1);
	o = run(f, (struct kube_call){.retry = true, .timeout_ms = 800});
	says(&o, "within 800 ms; before that, the API server at");
	says(&o, "answered 503");
	WAIT(&f->server.gone, 2);
}

static void test_long_answer(void **state)
{
	static const struct reply replies[] = {{HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.body_max = 5});
	assert_int_equal(o.status, 200);
	o = run(f, (struct kube_call){.body_max = 4, .retry = true});
	assert_int_equal(o.status, 0);
	assert_int_equal(o.body_len, 0);
	says(&o, "longer than 4 bytes");
	assert_int_equal(atomic_load(&f->server.requests), 2);
}

static void test_nobody_there(void **state)
{
	struct fixture *f = *state;
	connect_to(f, "http://127.0.0.1:1", "", "");
	struct outcome o = run(f, (struct kube_call){.timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 0);
	assert_string_equal(o.problem,
			    "the API server at 127.0.0.1:1 cannot be reached: Connection refused; check that it runs "
			    "there, and that no NetworkPolicy or firewall blocks it");
}

static void test_not_http(void **state)
{
	static const struct reply replies[] = {{"SSH-2.0-OpenSSH_9.2\r\n", AFTER_CLOSE},
					       {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", AFTER_CLOSE},
					       {NULL, AFTER_CLOSE}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 0);
	says(&o, "did not respond in HTTP");
	o = run(f, (struct kube_call){.timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 0);
	says(&o, "in the middle of a response");
	o = run(f, (struct kube_call){.timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 0);
	says(&o, "closed the connection without a response");
}

/* The body is too large to be copied. `done` is still called, and called later. */
static void test_without_memory(void **state)
{
	static const struct reply replies[] = {{HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	/* More often than there are reserved requests, so they are reused. */
	for (int i = 0; i < 40; i++) {
		struct outcome o = run(f, (struct kube_call){.method = "PUT", .body = {"x", SIZE_MAX - 64}});
		assert_int_equal(o.status, 0);
		says(&o, "not enough memory");
	}
	assert_int_equal(atomic_load(&f->server.requests), 0);
	assert_int_equal(run(f, (struct kube_call){.retry = true}).status, 200);
}

static void test_many_calls_few_connections(void **state)
{
	enum { CALLS = 1000 };
	static const struct reply replies[] = {{HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome *all = calloc(CALLS, sizeof *all);
	for (int i = 0; i < CALLS; i++)
		launch(f, &all[i], (struct kube_call){.timeout_ms = PATIENCE_MS});
	for (int i = 0; i < CALLS; i++) {
		WAIT(&all[i].ended, 1);
		assert_int_equal(all[i].status, 200);
		assert_string_equal(all[i].body, "hello");
	}
	free(all);
	assert_int_equal(atomic_load(&f->server.requests), CALLS);
	assert_in_range(atomic_load(&f->server.connections), 1, 32);
}

static void bound_to_two(void *context)
{
	struct outcome *o = context;
	kube_client_bound(o->f->client, 2);
	begin(o);
}

/*
 * Two hanging calls use both places. The others wait, each within its timeout, and continue in
 * order as places become free.
 */
static void test_bounded_calls(void **state)
{
	static const struct reply replies[] = {{NULL, AFTER_HANG}, {NULL, AFTER_HANG}, {HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	struct outcome hanging[2] = {0}, late = {0}, others[3] = {0};
	SERVE(f, replies);
	hanging[0] = (struct outcome){.f = f, .call = {.method = "GET", .path = "/x", .timeout_ms = PATIENCE_MS}};
	hanging[0].begin = (struct kube_task){.run = bound_to_two, .context = &hanging[0]};
	hanging[0].cancel = (struct kube_task){.run = cancel, .context = &hanging[0]};
	kube_loop_post(f->loop, &hanging[0].begin);
	WAIT(&hanging[0].begun, 1);
	launch(f, &hanging[1], (struct kube_call){.timeout_ms = PATIENCE_MS});
	WAIT(&f->server.requests, 2);
	launch(f, &late, (struct kube_call){.timeout_ms = 100});
	for (int i = 0; i < 3; i++)
		launch(f, &others[i], (struct kube_call){.timeout_ms = PATIENCE_MS});
	WAIT(&late.ended, 1);
	assert_int_equal(late.status, 0);
	assert_int_equal(atomic_load(&f->server.requests), 2);
	/* A call that waits for a place. */
	kube_loop_post(f->loop, &others[1].cancel);
	WAIT(&others[1].cancelled, 1);
	kube_loop_post(f->loop, &hanging[0].cancel);
	WAIT(&others[0].ended, 1);
	WAIT(&others[2].ended, 1);
	assert_int_equal(others[0].status, 200);
	assert_int_equal(others[2].status, 200);
	assert_int_equal(atomic_load(&f->server.requests), 4);
	kube_loop_post(f->loop, &hanging[1].cancel);
	WAIT(&hanging[1].cancelled, 1);
	assert_int_equal(run(f, (struct kube_call){.timeout_ms = PATIENCE_MS}).status, 200);
}

/* --- Streams --- */

static void test_stream(void **state)
{
	static const struct reply replies[] = {{CHUNKED "\f3\r\none\r\n\f3\r\ntwo\r\n\f0\r\n\r\n", AFTER_KEEP},
					       {CHUNKED "3\r\none\r\n\f", AFTER_RESET},
					       {EMPTY("503 Unavailable"), AFTER_KEEP},
					       {CHUNKED "3\r\none\r\n0\r\n\r\n", AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct kube_call call = {.received = on_piece, .timeout_ms = PATIENCE_MS, .retry = true};
	struct outcome o = run(f, call);
	assert_int_equal(o.status, 200);
	assert_string_equal(o.streamed, "onetwo");
	assert_true(o.pieces >= 2);
	assert_int_equal(o.body_len, 0);
	/* An interrupted stream is not restarted, because its reader must know. */
	o = run(f, call);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.streamed, "one");
	says(&o, "closed the connection unexpectedly");
	o = run(f, call);
	assert_int_equal(o.status, 200);
	assert_string_equal(o.streamed, "one");
	assert_int_equal(atomic_load(&f->server.requests), 4);
}

/* The timeout of a stream applies until its headers arrive. After that, it may last. */
static void test_stream_outlasts_its_timeout(void **state)
{
	static const struct reply replies[] = {
	    {CHUNKED "\f\f\f\f\f\f\f\f\f\f\f\f\f\f\f\f\f\f\f\f3\r\none\r\n0\r\n\r\n", AFTER_KEEP}, {NULL, AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct kube_call call = {.received = on_piece, .timeout_ms = 500};
	struct outcome o = run(f, call);
	assert_int_equal(o.status, 200);
	assert_true(o.took_ms > 500);
	o = run(f, call);
	assert_int_equal(o.status, 0);
	says(&o, "did not answer within 500 ms");
}

#define PIECE(byte) "\f\f\f\f1\r\n" byte "\r\n"

static void test_silence(void **state)
{
	static const struct reply replies[] = {
	    {CHUNKED PIECE("a") PIECE("b") PIECE("c") PIECE("d") PIECE("e") PIECE("f") PIECE("g") PIECE("h") PIECE("i")
		 PIECE("j") PIECE("k") PIECE("l") PIECE("m") PIECE("n") PIECE("o") PIECE("p") PIECE("q") PIECE("r"),
	     AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o =
	    run(f, (struct kube_call){.received = on_piece, .timeout_ms = PATIENCE_MS, .silence_ms = 2000});
	assert_int_equal(o.status, 0);
	/* These took longer than the allowed silence. */
	assert_string_equal(o.streamed, "abcdefghijklmnopqr");
	assert_true(o.took_ms >= 18 * 4 * 30 + 1999);
	static const char silent[] = "has sent nothing for ";
	says(&o, silent);
	assert_true(atoi(strstr(o.problem, silent) + strlen(silent)) >= 2000);
	WAIT(&f->server.gone, 1);
}

/* A long body of a failed stream: its beginning and the connection are kept. */
static void test_failed_stream(void **state)
{
	static char text[10000] = "HTTP/1.1 410 Gone\r\nContent-Length: 9000\r\n\r\n";
	static const struct reply replies[] = {{text, AFTER_KEEP}, {HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	size_t len = strlen(text);
	memset(text + len, 'g', 9000);
	SERVE(f, replies);
	struct outcome o = run(f, (struct kube_call){.received = on_piece, .timeout_ms = PATIENCE_MS});
	assert_int_equal(o.status, 410);
	assert_int_equal(o.body_len, 4096);
	assert_int_equal(o.pieces, 0);
	assert_int_equal(run(f, (struct kube_call){.timeout_ms = PATIENCE_MS}).status, 200);
	assert_int_equal(atomic_load(&f->server.connections), 1);
}

static void test_refused_stream(void **state)
{
	static const struct reply replies[] = {{CHUNKED "3\r\none\r\n\f3\r\ntwo\r\n\f3\r\nsix\r\n", AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = {.refuse_at = 2};
	launch(f, &o, (struct kube_call){.received = on_piece, .timeout_ms = PATIENCE_MS, .retry = true});
	WAIT(&o.ended, 1);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.streamed, "onetwo");
	says(&o, "cannot be used");
	assert_int_equal(atomic_load(&f->server.requests), 1);
}

/* --- Cancellation --- */

/* After the loop has done something else, no callback of the cancelled call may follow. */
static void nothing_comes(struct fixture *f, struct outcome *o)
{
	WAIT(&o->cancelled, 1);
	int pieces = atomic_load(&o->pieces);
	struct outcome other = run(f, (struct kube_call){.path = "/other", .timeout_ms = 300});
	assert_int_equal(atomic_load(&other.ended), 1);
	assert_int_equal(atomic_load(&o->ended), 0);
	assert_int_equal(atomic_load(&o->pieces), pieces);
}

static void begin_and_cancel(void *context)
{
	begin(context);
	cancel(context);
}

static void test_cancel_before_it_began(void **state)
{
	static const struct reply replies[] = {{HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = {.f = f, .call = {.method = "GET", .path = "/x"}};
	o.begin = (struct kube_task){.run = begin_and_cancel, .context = &o};
	kube_loop_post(f->loop, &o.begin);
	nothing_comes(f, &o);
	assert_int_equal(atomic_load(&f->server.requests), 1);
}

static void test_cancel_while_it_waits_for_the_answer(void **state)
{
	static const struct reply replies[] = {{NULL, AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = {0};
	launch(f, &o, (struct kube_call){.timeout_ms = PATIENCE_MS});
	WAIT(&f->server.requests, 1);
	kube_loop_post(f->loop, &o.cancel);
	WAIT(&f->server.gone, 1);
	nothing_comes(f, &o);
}

static void test_cancel_between_tries(void **state)
{
	static const struct reply replies[] = {
	    {"HTTP/1.1 429 Too Many\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n", AFTER_KEEP}, {HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = {0};
	launch(f, &o, (struct kube_call){.timeout_ms = PATIENCE_MS});
	WAIT(&f->server.requests, 1);
	server_pause(500);
	kube_loop_post(f->loop, &o.cancel);
	nothing_comes(f, &o);
	assert_int_equal(atomic_load(&f->server.requests), 2);
	/* The answer had arrived; otherwise the connection would be broken. */
	assert_int_equal(atomic_load(&f->server.connections), 1);
}

static void test_cancel_open_stream(void **state)
{
	static const struct reply replies[] = {{CHUNKED "3\r\none\r\n", AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = {0};
	launch(f, &o, (struct kube_call){.received = on_piece, .silence_ms = PATIENCE_MS});
	WAIT(&o.pieces, 1);
	kube_loop_post(f->loop, &o.cancel);
	WAIT(&f->server.gone, 1);
	nothing_comes(f, &o);
}

static void test_cancel_from_received(void **state)
{
	static const struct reply replies[] = {{CHUNKED "3\r\none\r\n\f3\r\ntwo\r\n", AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome o = {.cancel_at_piece = true};
	launch(f, &o, (struct kube_call){.received = on_piece});
	WAIT(&f->server.gone, 1);
	nothing_comes(f, &o);
	assert_int_equal(atomic_load(&o.pieces), 1);
}

/* The reader of one stream cancels another stream, which libcurl may be about to read. */
struct pair {
	struct outcome own;
	struct outcome *victim;
};

static int cancel_other(void *context, const char *bytes, size_t len)
{
	struct pair *pair = context;
	kube_cancel(pair->own.f->client, pair->victim->request);
	atomic_fetch_add(&pair->victim->cancelled, 1);
	return on_piece(&pair->own, bytes, len);
}

static void test_cancel_another_from_received(void **state)
{
	static const struct reply replies[] = {{CHUNKED "3\r\none\r\n", AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome victim = {0};
	struct pair pair = {.victim = &victim};
	launch(f, &victim, (struct kube_call){.received = on_piece});
	WAIT(&victim.pieces, 1);
	launch(f, &pair.own, (struct kube_call){.received = cancel_other});
	WAIT(&pair.own.pieces, 1);
	WAIT(&f->server.gone, 1);
	nothing_comes(f, &victim);
}

/* Calls in flight when the client is destroyed are freed, and their callbacks are never called. */
static void test_destroy_with_calls_under_way(void **state)
{
	static const struct reply replies[] = {{CHUNKED "3\r\none\r\n", AFTER_HANG}};
	struct fixture *f = *state;
	SERVE(f, replies);
	struct outcome open = {0}, cancelled = {0}, late = {0};
	launch(f, &open, (struct kube_call){.received = on_piece});
	launch(f, &cancelled, (struct kube_call){.received = on_piece});
	WAIT(&open.pieces, 1);
	WAIT(&cancelled.pieces, 1);
	kube_loop_stop(f->loop);
	cancel(&cancelled);
	late = (struct outcome){.f = f, .call = {.method = "GET", .path = "/late"}};
	begin(&late);
	kube_client_destroy(f->client);
	f->client = NULL;
	assert_int_equal(atomic_load(&open.ended) + atomic_load(&cancelled.ended) + atomic_load(&late.ended), 0);
}

/* --- TLS --- */

struct tls {
	struct certs_pair authority, other, server, client;
	struct MHD_Daemon *daemon;
	unsigned port;
	pthread_mutex_t mutex; /* Guards the following members. */
	char authorization[256];
	/* The only Authorization that is not answered with 401. NULL: any is accepted. */
	const char *accepted;
	int requests;
};

/* Whether the request is accepted. Records its Authorization. */
static bool authorize(struct tls *tls, struct MHD_Connection *connection)
{
	const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	pthread_mutex_lock(&tls->mutex);
	snprintf(tls->authorization, sizeof tls->authorization, "%s", given ? given : "");
	bool good = !tls->accepted || strcmp(tls->accepted, tls->authorization) == 0;
	tls->requests++;
	pthread_mutex_unlock(&tls->mutex);
	return good;
}

static enum MHD_Result answer_tls(void *context, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *size, void **own)
{
	static const char yes[] = "known", no[] = "nobody";
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned count = 0, status = 0;
	bool known = gnutls_certificate_get_peers((gnutls_session_t)info->tls_session, &count) && count > 0 &&
		     gnutls_certificate_verify_peers2((gnutls_session_t)info->tls_session, &status) == 0 && status == 0;
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    known ? 5 : 6, (void *)(uintptr_t)(known ? yes : no), MHD_RESPMEM_PERSISTENT);
	unsigned code = !authorize(context, connection) ? 401 : known ? 200 : 403;
	enum MHD_Result result = MHD_queue_response(connection, code, response);
	(void)url, (void)method, (void)version, (void)data, (void)size, (void)own;
	MHD_destroy_response(response);
	return result;
}

static void tls_start(struct tls *tls)
{
	static const char *const names[] = {"kubernetes.example"};
	const struct certs_leaf server = {
	    .usage = CERTS_SERVER, .dns = names, .dns_count = 1, .seconds = CERTS_DAY_SECONDS};
	const struct certs_leaf client = {
	    .usage = CERTS_CLIENT, .common_name = "gpugate", .seconds = CERTS_DAY_SECONDS};
	struct error err = {0};
	time_t now = time(NULL);
	*tls = (struct tls){.mutex = PTHREAD_MUTEX_INITIALIZER};
	struct certs_pair *pairs[] = {&tls->authority, &tls->other, &tls->server, &tls->client};
	for (size_t i = 0; i < 4; i++)
		certs_pair_init(pairs[i]);
	assert_int_equal(certs_authority_create(&tls->authority, "right", now, CERTS_DAY_SECONDS, &err), 0);
	assert_int_equal(certs_authority_create(&tls->other, "wrong", now, CERTS_DAY_SECONDS, &err), 0);
	struct str ca = buf_view(&tls->authority.certificate), key = buf_view(&tls->authority.key);
	assert_int_equal(certs_issue(&tls->server, ca, key, &server, now, &err), 0);
	assert_int_equal(certs_issue(&tls->client, ca, key, &client, now, &err), 0);
	struct buf *texts[] = {&tls->authority.certificate, &tls->server.certificate, &tls->server.key};
	for (size_t i = 0; i < 3; i++) {
		buf_char(texts[i], '\0');
		texts[i]->len--;
	}
	tls->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS, 0, NULL, NULL,
				       answer_tls, tls, MHD_OPTION_HTTPS_MEM_KEY, tls->server.key.ptr,
				       MHD_OPTION_HTTPS_MEM_CERT, tls->server.certificate.ptr,
				       MHD_OPTION_HTTPS_MEM_TRUST, tls->authority.certificate.ptr, MHD_OPTION_END);
	assert_non_null(tls->daemon);
	tls->port = MHD_get_daemon_info(tls->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void tls_stop(struct tls *tls)
{
	MHD_stop_daemon(tls->daemon);
	certs_pair_release(&tls->authority);
	certs_pair_release(&tls->other);
	certs_pair_release(&tls->server);
	certs_pair_release(&tls->client);
}

static struct outcome ask_tls(struct fixture *f, const struct tls *tls, const char *cluster, const char *user)
{
	char url[64];
	snprintf(url, sizeof url, "https://127.0.0.1:%u", tls->port);
	connect_to(f, url, cluster, user);
	struct outcome o = run(f, (struct kube_call){.timeout_ms = PATIENCE_MS});
	kube_loop_stop(f->loop);
	kube_client_destroy(f->client);
	kube_loop_destroy(f->loop);
	kube_config_destroy(f->config);
	f->client = NULL;
	f->loop = NULL;
	f->config = NULL;
	return o;
}

static void put_two(struct fixture *f, const char *name, struct str one, struct str two)
{
	struct buf both;
	buf_init(&both, 1 << 16);
	buf_str(&both, one);
	buf_str(&both, two);
	put(f, name, buf_view(&both));
	buf_release(&both);
}

#define RIGHT ", certificate-authority: right, tls-server-name: kubernetes.example"
#define ME "client-certificate: crt, client-key: key"

static void test_tls(void **state)
{
	struct fixture *f = *state;
	struct tls tls;
	tls_start(&tls);
	put(f, "right", buf_view(&tls.authority.certificate));
	put(f, "wrong", buf_view(&tls.other.certificate));
	put(f, "crt", buf_view(&tls.client.certificate));
	put(f, "key", buf_view(&tls.client.key));
	struct outcome o = ask_tls(f, &tls, RIGHT, ME);
	assert_string_equal(o.problem, "");
	assert_int_equal(o.status, 200);
	assert_string_equal(o.body, "known");
	o = ask_tls(f, &tls, RIGHT, "token: a-secret-token");
	assert_int_equal(o.status, 403);
	assert_string_equal(o.body, "nobody");
	put_two(f, "both", buf_view(&tls.other.certificate), buf_view(&tls.authority.certificate));
	o = ask_tls(f, &tls, ", certificate-authority: both, tls-server-name: kubernetes.example", ME);
	assert_string_equal(o.body, "known"); /* by the second one, as during a CA rotation */
	o = ask_tls(f, &tls, ", certificate-authority: wrong, tls-server-name: kubernetes.example", ME);
	assert_int_equal(o.status, 0);
	says(&o, "has a certificate that is not trusted");
	says(&o, "check certificate-authority");
	o = ask_tls(f, &tls, ", certificate-authority: right", ME);
	assert_int_equal(o.status, 0);
	says(&o, "has a certificate that is not trusted");
	says(&o, "tls-server-name");
	/* The system's authorities do not include it either. */
	o = ask_tls(f, &tls, "", ME);
	assert_int_equal(o.status, 0);
	says(&o, "is not trusted");
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%u", tls.port);
	connect_to(f, url, "", "");
	o = run(f, (struct kube_call){.timeout_ms = 3000});
	assert_int_equal(o.status, 0);
	tls_stop(&tls);
}

/* Checks the last Authorization that the server got, and the number of requests. */
static void authorized(struct tls *tls, const char *authorization, int requests)
{
	pthread_mutex_lock(&tls->mutex);
	assert_string_equal(tls->authorization, authorization);
	assert_int_equal(tls->requests, requests);
	pthread_mutex_unlock(&tls->mutex);
}

static void accept_only(struct tls *tls, const char *authorization)
{
	pthread_mutex_lock(&tls->mutex);
	tls->accepted = authorization;
	pthread_mutex_unlock(&tls->mutex);
}

static void test_token_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct tls tls;
	char url[64];
	tls_start(&tls);
	put(f, "right", buf_view(&tls.authority.certificate));
	put(f, "token", STR("first-secret\n"));
	snprintf(url, sizeof url, "https://127.0.0.1:%u", tls.port);
	connect_to(f, url, RIGHT, "tokenFile: token");
	struct kube_call call = {.method = "GET", .timeout_ms = PATIENCE_MS};
	accept_only(&tls, "Bearer first-secret");
	assert_int_equal(run(f, call).status, 403);
	authorized(&tls, "Bearer first-secret", 1);
	accept_only(&tls, "Bearer second-secret");
	put(f, "token", STR("second-secret\n"));
	assert_int_equal(run(f, call).status, 403);
	authorized(&tls, "Bearer second-secret", 3);
	assert_int_equal(unlink(path_in(f, "token")), 0);
	accept_only(&tls, "Bearer third-secret");
	struct outcome o = run(f, call);
	assert_int_equal(o.status, 401);
	authorized(&tls, "Bearer second-secret", 5);
	says(&o, "answered 401");
	kube_loop_stop(f->loop);
	tls_stop(&tls);
}

/*
 * No second request goes to the location of a redirect. So no credentials do either, least of all
 * over http://.
 */
static void test_redirects_are_not_followed(void **state)
{
	static const unsigned statuses[] = {301, 302, 303, 307, 308};
	enum { COUNT = sizeof statuses / sizeof *statuses };
	static const struct reply answer[] = {{HELLO, AFTER_KEEP}};
	struct fixture *f = *state;
	struct kube_server other;
	struct reply moved[COUNT];
	char texts[COUNT][128];
	server_start(&other, answer, 1);
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(texts[i], sizeof texts[i],
			 "HTTP/1.1 %u Moved\r\nLocation: http://127.0.0.1:%u/x\r\nContent-Length: 0\r\n\r\n",
			 statuses[i], other.port);
		moved[i] = (struct reply){texts[i], AFTER_KEEP};
	}
	serve(f, moved, COUNT, "");
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(run(f, (struct kube_call){.timeout_ms = PATIENCE_MS}).status, statuses[i]);
	assert_int_equal(atomic_load(&other.requests), 0);
	/* The replies belong to this function. */
	kube_loop_stop(f->loop);
	server_stop(&other);
}

static void test_unusable_identities(void **state)
{
	struct fixture *f = *state;
	struct tls tls;
	tls_start(&tls);
	put(f, "right", buf_view(&tls.authority.certificate));
	put(f, "crt", buf_view(&tls.client.certificate));
	put(f, "key", buf_view(&tls.client.key));
	put(f, "other", buf_view(&tls.other.key));
	put(f, "text", STR("not PEM"));
	put_two(f, "torn", buf_view(&tls.authority.certificate), STR("-----BEGIN CERTIFICATE-----\nMIIB\n"));
	put_two(f, "spoilt", buf_view(&tls.authority.certificate),
		STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
	static const struct {
		const char *cluster, *user, *says;
	} rows[] = {
	    {", certificate-authority: text", "", "the CA of the API server is not one or several"},
	    {", certificate-authority: torn", "", "the CA of the API server is not one or several"},
	    {", certificate-authority: spoilt", "", "the CA of the API server is not one or several"},
	    {", certificate-authority: key", "", "the CA of the API server is not one or several"},
	    {"", "client-certificate: text, client-key: key", "the client certificate is not"},
	    {"", "client-certificate: crt, client-key: crt", "the client key is not an unencrypted"},
	    {"", "client-certificate: crt, client-key: other", "does not belong to"},
	    {", tls-server-name: \"a b/c\"", "", "tls-server-name"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[512];
		struct error err = {0};
		int len = snprintf(
		    text, sizeof text,
		    "{current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], clusters: "
		    "[{name: c, cluster: {server: \"https://127.0.0.1:1\"%s}}], users: [{name: u, user: {%s}}]}",
		    rows[i].cluster, rows[i].user);
		put(f, "kubeconfig", (struct str){text, (size_t)len});
		f->config = kube_config_load(path_in(f, "kubeconfig"), &err);
		f->loop = kube_loop_create(&err);
		assert_true(f->config && f->loop);
		assert_null(kube_client_create(f->loop, f->config, &err));
		if (!strstr(err.text, rows[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].says);
		kube_loop_destroy(f->loop);
		kube_config_destroy(f->config);
		f->loop = NULL;
		f->config = NULL;
	}
	tls_stop(&tls);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_request_and_answer),
	    TEST(test_statuses_are_values),
	    TEST(test_retries),
	    TEST(test_retry_after),
	    TEST(test_no_retry_unasked),
	    TEST(test_no_hidden_retry),
	    TEST(test_retries_end_in_time),
	    TEST(test_deadline),
	    TEST(test_long_answer),
	    TEST(test_nobody_there),
	    TEST(test_not_http),
	    TEST(test_without_memory),
	    TEST(test_many_calls_few_connections),
	    TEST(test_bounded_calls),
	    TEST(test_stream),
	    TEST(test_stream_outlasts_its_timeout),
	    TEST(test_silence),
	    TEST(test_failed_stream),
	    TEST(test_refused_stream),
	    TEST(test_cancel_before_it_began),
	    TEST(test_cancel_while_it_waits_for_the_answer),
	    TEST(test_cancel_between_tries),
	    TEST(test_cancel_open_stream),
	    TEST(test_cancel_from_received),
	    TEST(test_cancel_another_from_received),
	    TEST(test_destroy_with_calls_under_way),
	    TEST(test_tls),
	    TEST(test_token_is_read_again),
	    TEST(test_redirects_are_not_followed),
	    TEST(test_unusable_identities),
	};
	return cmocka_run_group_tests_name("kube_client", tests, NULL, NULL);
}
