/*
 * test_watch: tests webhook/kube/watch.c with a scripted server: lists, bookmarks, errors, and
 * requests for a new list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "webhook/json/scan.h" /* For REVIEW_PADDING. */
#include "webhook/kube/watch_state.h"

/* Allows for a busy machine. */
#define SLACK_MS 10000
#define STEPS_MAX 32

/* --- A server that answers each request by the next step of a script --- */

/* CUT: the announced body is longer than what is sent. */
enum then { CLOSE, HOLD, CUT };

struct step {
	const char *want;    /* The request line contains this. */
	const char *without; /* The request line does not contain this. May be NULL. */
	const char *status;  /* The status, such as "200 OK", and further headers. */
	const char *body;
	enum then then;
};

struct server {
	int listener;
	uint16_t port;
	pthread_t thread;
	const struct step *steps;
	size_t count;
	int held[STEPS_MAX];
	size_t held_count;
	atomic_size_t at; /* Number of steps that have been taken. */
	char fault[2048]; /* The first request that did not match the script. */
	atomic_bool faulty;
	int64_t times_ms[STEPS_MAX];
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		bytes += sent;
		len -= (size_t)sent;
	}
}

static void answer_request(struct server *server, int fd, const char *line)
{
	size_t at = atomic_load(&server->at);
	static const struct step none = {.want = "nothing more", .status = "503 Service Unavailable", .body = ""};
	const struct step *step = at < server->count ? &server->steps[at] : &none;
	if ((!strstr(line, step->want) || (step->without && strstr(line, step->without))) &&
	    !atomic_exchange(&server->faulty, true))
		snprintf(server->fault, sizeof server->fault, "request %zu: %.900s, wanted \"%s\" without \"%s\"", at,
			 line, step->want, step->without ? step->without : "");
	char head[512];
	int len =
	    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sConnection: close\r\n\r\n",
		     step->status, step->then == CUT ? "Content-Length: 1000000\r\n" : "");
	send_all(fd, head, (size_t)len);
	send_all(fd, step->body, strlen(step->body));
	if (at < STEPS_MAX)
		server->times_ms[at] = now_ms();
	if (step->then == HOLD && server->held_count < STEPS_MAX)
		server->held[server->held_count++] = fd;
	else
		close(fd);
	atomic_store(&server->at, at + 1);
}

static void *serve(void *argument)
{
	struct server *server = argument;
	int fd;
	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		char line[4096];
		size_t len = 0;
		ssize_t got = 1;
		while (len < sizeof line - 1 && got > 0) {
			got = recv(fd, line + len, sizeof line - 1 - len, 0);
			len += got > 0 ? (size_t)got : 0;
			line[len] = '\0';
			if (strstr(line, "\r\n\r\n"))
				break;
		}
		char *end = strstr(line, "\r\n");
		if (got <= 0 || !end) {
			close(fd);
			continue;
		}
		*end = '\0';
		answer_request(server, fd, line);
	}
	return NULL;
}

static void server_start(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(server->listener, 16), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	for (size_t i = 0; i < server->held_count; i++)
		close(server->held[i]);
}

/* --- A watch, and a record of its callbacks --- */

struct fixture {
	struct server server;
	struct kube_config *config;
	struct kube_loop *loop;
	struct kube_client *client;
	struct kube_watch *watch;
	struct kube_watch_timing timing;
	struct kube_task relist;
	const char *relist_at; /* A callback with this record requests a new list. */
	int relists;           /* How often. 0: once. */
	pthread_mutex_t lock;
	char told[8192];
	atomic_int turned;
	atomic_int lists_failed;
};

static void record(struct fixture *f, const char *text)
{
	pthread_mutex_lock(&f->lock);
	size_t len = strlen(f->told);
	snprintf(f->told + len, sizeof f->told - len, "%s\n", text);
	pthread_mutex_unlock(&f->lock);
	if (f->relist_at && strcmp(f->relist_at, text) == 0) {
		if (--f->relists <= 0)
			f->relist_at = NULL;
		kube_watch_relist(f->watch);
	}
}

static void on_begin(void *context)
{
	record(context, "begin");
}

static void record_object(struct fixture *f, const char *what, struct str json)
{
	char text[1024];
	char sum = 0;
	for (unsigned i = 0; i < REVIEW_PADDING; i++)
		sum = (char)(sum ^ ((const volatile char *)json.ptr)[json.len + i]);
	(void)sum;
	const char *name = strstr(json.ptr, "\"name\":\"");
	assert_non_null(name);
	snprintf(text, sizeof text, "%s %.1s", what, name + 8);
	record(f, text);
}

static void on_listed(void *context, struct str json)
{
	record_object(context, "listed", json);
}

static void on_synced(void *context, uint64_t version)
{
	char text[64];
	snprintf(text, sizeof text, "synced %llu", (unsigned long long)version);
	record(context, text);
}

static void on_changed(void *context, bool gone, struct str json)
{
	record_object(context, gone ? "gone" : "changed", json);
}

static void on_bookmark(void *context, uint64_t version)
{
	char text[64];
	snprintf(text, sizeof text, "bookmark %llu", (unsigned long long)version);
	record(context, text);
}

static void on_turned(void *context)
{
	atomic_fetch_add(&((struct fixture *)context)->turned, 1);
}

static void on_list_failed(void *context, unsigned status, const char *problem)
{
	assert_true(problem[0] != '\0' && status < 600);
	atomic_fetch_add(&((struct fixture *)context)->lists_failed, 1);
}

static void relist_task(void *context)
{
	kube_watch_relist(((struct fixture *)context)->watch);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&f->lock, NULL);
	f->timing = (struct kube_watch_timing){.open_ms = 5000,
					       .silence_ms = 5000,
					       .backoff_ms = 20,
					       .backoff_max_ms = 100,
					       .lasted_ms = 60000,
					       .unsupported_ms = 3600000};
	return f ? 0 : -1;
}

static struct kube_config *config_for(uint16_t port)
{
	char path[] = "/tmp/gpugate-kubeconfig-XXXXXX";
	struct error err = {.text = ""};
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	FILE *file = fdopen(fd, "w");
	fprintf(file,
		"{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: k, user: "
		"u}}],\n"
		"clusters: [{name: k, cluster: {server: 'http://127.0.0.1:%u'}}], users: [{name: u, user: {}}]}\n",
		port);
	fclose(file);
	struct kube_config *config = kube_config_load(path, &err);
	assert_string_equal(err.text, "");
	unlink(path);
	return config;
}

static void run(struct fixture *f, const struct step *steps, size_t count)
{
	struct error err = {.text = ""};
	f->server.steps = steps;
	f->server.count = count;
	server_start(&f->server);
	f->config = config_for(f->server.port);
	f->loop = kube_loop_create(&err);
	f->client = kube_client_create(f->loop, f->config, &err);
	assert_string_equal(err.text, "");
	struct kube_watch_options options = {
	    .name = "pods",
	    .path = "/api/v1/pods",
	    .query = "fieldSelector=a%3Db",
	    .page = 2,
	    .timing = &f->timing,
	    .events = {on_begin, on_listed, on_synced, on_changed, on_bookmark, f, on_turned, on_list_failed},
	};
	f->watch = kube_watch_create(f->loop, f->client, &options, &err);
	assert_non_null(f->watch);
	kube_watch_start(f->watch);
	f->relist = (struct kube_task){.run = relist_task, .context = f};
	assert_int_equal(kube_loop_start(f->loop, &err), 0);
}
#define RUN(f, steps) run(f, steps, sizeof(steps) / sizeof *(steps))

static bool told(struct fixture *f, const char *text)
{
	pthread_mutex_lock(&f->lock);
	bool same = strcmp(f->told, text) == 0;
	pthread_mutex_unlock(&f->lock);
	return same;
}

/* Waits until the record is exactly this text, and the script has ended. */
static void expect(struct fixture *f, const char *text)
{
	int64_t until = now_ms() + SLACK_MS;
	while (!(told(f, text) && atomic_load(&f->server.at) >= f->server.count) && !atomic_load(&f->server.faulty) &&
	       now_ms() < until)
		sleep_ms(5);
	if (atomic_load(&f->server.faulty))
		fail_msg("%s; told:\n%s", f->server.fault, f->told);
	if (!told(f, text) || atomic_load(&f->server.at) < f->server.count)
		fail_msg("step %zu of %zu, told:\n%swanted:\n%s", atomic_load(&f->server.at), f->server.count, f->told,
			 text);
}

static void stop(struct fixture *f)
{
	kube_loop_stop(f->loop);
	kube_watch_destroy(f->watch);
	kube_client_destroy(f->client);
	kube_loop_destroy(f->loop);
	kube_config_destroy(f->config);
	server_stop(&f->server);
	f->loop = NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->loop)
		stop(f);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

#define OBJECT(name, version) "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"},\"spec\":{}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define BOOKMARK(version)                                                                                              \
	"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"" version             \
	"\",\"creationTimestamp\":null},\"spec\":{\"containers\":null}}}\n"
#define INITIAL_END(version)                                                                                           \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version                              \
	"\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define ERROR_EVENT(code)                                                                                              \
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"too "                \
	"old\",\"code\":" code "}}\n"
#define LIST(version, items)                                                                                           \
	"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define PAGE(version, next, items)                                                                                     \
	"{\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next                                      \
	"\",\"remainingItemCount\":1},\"items\":[" items "]}"
#define OK "200 OK"
#define REFUSED                                                                                                        \
	{                                                                                                              \
		"sendInitialEvents=true", NULL, "422 Unprocessable Entity", "{\"kind\":\"Status\",\"code\":422}",      \
		    CLOSE                                                                                              \
	}

static void test_watch_list(void **state)
{
	static const struct step steps[] = {
	    {"GET /api/v1/pods?fieldSelector=a%3Db&watch=true&allowWatchBookmarks=true&timeoutSeconds=",
	     "resourceVersion=", OK,
	     EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "1") EVENT("MODIFIED", "a", "7") EVENT("DELETED", "b", "8")
		 BOOKMARK("8") INITIAL_END("9") EVENT("ADDED", "c", "10") EVENT("DELETED", "a", "11") BOOKMARK("12"),
	     HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nlisted b\nlisted a\ngone b\nsynced 9\nchanged c\ngone a\nbookmark 12\n");
	assert_true(now_ms() - kube_watch_last_activity_ms(f->watch) < SLACK_MS);
	kube_loop_stop(f->loop);
	assert_true(kube_watch_live(f->watch));
	struct kube_watch_counts counts;
	kube_watch_counts(f->watch, &counts);
	assert_int_equal(counts.lists, 1);
	assert_int_equal(counts.streams, 1);
	assert_int_equal(counts.transitions, 1);
	assert_int_equal(counts.failures, 0);
	assert_int_equal(counts.events, 9);
}

static void test_watch_list_parameters(void **state)
{
	static const struct step steps[] = {
	    {"&sendInitialEvents=true&resourceVersionMatch=NotOlderThan HTTP/1.1", NULL, OK, INITIAL_END("9"), HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nsynced 9\n");
}

static void test_pages(void **state)
{
	static const struct step steps[] = {
	    REFUSED,
	    {"GET /api/v1/pods?fieldSelector=a%3Db&limit=2 HTTP", NULL, OK,
	     PAGE("10", "n+/=", OBJECT("a", "3") "," OBJECT("b", "4")), CLOSE},
	    {"GET /api/v1/pods?fieldSelector=a%3Db&limit=2&continue=n%2B%2F%3D HTTP", NULL, OK,
	     PAGE("10", "o", OBJECT("c", "5")), CLOSE},
	    {"&continue=o HTTP", NULL, OK, LIST("10", ""), CLOSE},
	    {"watch=true&allowWatchBookmarks=true&timeoutSeconds=", "sendInitial", OK, EVENT("MODIFIED", "a", "12"),
	     CLOSE},
	    {"&resourceVersion=12 HTTP", NULL, OK, "", HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nlisted b\nlisted c\nsynced 10\nchanged a\n");
}

static void test_live_without_events(void **state)
{
	static const struct step steps[] = {
	    REFUSED, {"limit=2", NULL, OK, LIST("10", ""), CLOSE}, {"resourceVersion=10", NULL, OK, "", HOLD}};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nsynced 10\n");
	struct kube_watch_counts counts;
	int64_t until = now_ms() + SLACK_MS;
	do
		kube_watch_counts(f->watch, &counts);
	while (counts.streams == 0 && now_ms() < until);
	kube_loop_stop(f->loop);
	assert_int_equal(counts.streams, 1);
	assert_true(kube_watch_live(f->watch));
}

/* The refusal is remembered for a while. */
static void test_refusal_is_remembered(void **state)
{
	static const struct step steps[] = {
	    REFUSED,
	    {"limit=2", NULL, OK, LIST("10", ""), CLOSE},
	    {"resourceVersion=10", NULL, "410 Gone", "", CLOSE},
	    {"limit=2", NULL, OK, LIST("20", ""), CLOSE},
	    {"resourceVersion=20", NULL, OK, "", HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nsynced 10\nbegin\nsynced 20\n");
}

static void test_refusal_is_forgotten(void **state)
{
	static const struct step steps[] = {
	    REFUSED,
	    {"limit=2", NULL, OK, LIST("10", ""), CLOSE},
	    {"resourceVersion=10", NULL, OK, EVENT("ADDED", "a", "11"), CLOSE},
	    {"resourceVersion=11", NULL, "503 Service Unavailable\r\nRetry-After: 1", "", CLOSE},
	    {"resourceVersion=11", NULL, "410 Gone", "", CLOSE},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("12"), HOLD},
	};
	struct fixture *f = *state;
	f->timing.unsupported_ms = 900;
	RUN(f, steps);
	expect(f, "begin\nsynced 10\nchanged a\nbegin\nsynced 12\n");
	assert_true(f->server.times_ms[4] - f->server.times_ms[3] >= 990);
}

static void test_resumes(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, EVENT("ADDED", "a", "3") INITIAL_END("9"), CLOSE},
	    {"resourceVersion=9 ", NULL, OK, EVENT("MODIFIED", "a", "10"), CLOSE},
	    {"resourceVersion=10 ", NULL, OK, BOOKMARK("20"), CLOSE},
	    {"resourceVersion=20 ", NULL, "500 Internal Server Error", "", CLOSE},
	    {"resourceVersion=20 ", NULL, OK, EVENT("DELETED", "a", "21") EVENT("ADDED", "b", "22"), CUT},
	    {"resourceVersion=22 ", NULL, OK, "", HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nsynced 9\nchanged a\nbookmark 20\ngone a\nchanged b\n");
}

/* An item that was truncated is sent again. */
static void test_cut_in_an_item(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK,
	     EVENT("ADDED", "a", "3") "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"b\"", CUT},
	    {"sendInitialEvents", NULL, OK,
	     EVENT("ADDED", "a", "3") INITIAL_END("9") EVENT("ADDED", "c", "10") "{\"type\":\"MODI", CLOSE},
	    {"resourceVersion=10 ", NULL, OK,
	     EVENT("MODIFIED", "c", "11") "{\"type\":\"DELETED\",\"object\":{\"a\":\"\\", CUT},
	    {"resourceVersion=11 ", NULL, OK, EVENT("DELETED", "c", "12"), HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nbegin\nlisted a\nsynced 9\nchanged c\nchanged c\ngone c\n");
	struct kube_watch_counts counts;
	kube_watch_counts(f->watch, &counts);
	assert_int_equal(counts.failures, 3);
	/* Four opened, three ended. */
	assert_int_equal(counts.transitions, 7);
	assert_int_equal(atomic_load(&f->turned), 7);
}

static void test_expired(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, INITIAL_END("9") EVENT("ADDED", "a", "10") ERROR_EVENT("410"), HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("30"), CLOSE},
	    {"resourceVersion=30 ", NULL, "410 Gone", "", CLOSE},
	    {"sendInitialEvents", NULL, "410 Gone", "", CLOSE},
	    {"sendInitialEvents", NULL, "400 Bad Request", "", CLOSE},
	    {"limit=2 ", NULL, OK, PAGE("40", "x", OBJECT("a", "1")), CLOSE},
	    {"continue=x ", NULL, "410 Gone", "", CLOSE},
	    {"limit=2 ", NULL, OK, PAGE("50", "y", OBJECT("b", "1")), CLOSE},
	    {"continue=y ", NULL, OK, LIST("50", OBJECT("c", "1")), CLOSE},
	    {"resourceVersion=50 ", NULL, OK, ERROR_EVENT("410"), CLOSE},
	    {"limit=2 ", NULL, OK, LIST("60", ""), CLOSE},
	    {"resourceVersion=60 ", NULL, OK, BOOKMARK("61"), HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f,
	       "begin\nsynced 9\nchanged a\nbegin\nsynced 30\nbegin\nlisted a\nbegin\nlisted b\nlisted c\nsynced 50\n"
	       "begin\nsynced 60\nbookmark 61\n");
}

/*
 * After an error that does not concern the version, the watch waits. If it recurs immediately, the
 * version is no longer trusted.
 */
static void test_errors(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, ERROR_EVENT("500"), CLOSE},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("9"), CLOSE},
	    {"resourceVersion=9 ", NULL, OK, ERROR_EVENT("500"), HOLD},
	    {"resourceVersion=9 ", NULL, OK, EVENT("ADDED", "a", "10") ERROR_EVENT("500"), HOLD},
	    {"resourceVersion=10 ", NULL, OK, ERROR_EVENT("500"), HOLD},
	    {"resourceVersion=10 ", NULL, OK, ERROR_EVENT("500"), HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("20"), CLOSE},
	    {"resourceVersion=20 ", NULL, OK, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}", HOLD},
	    {"resourceVersion=20 ", NULL, OK, "{\"type\":\"WHAT\",\"object\":{}}", HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("30"), CLOSE},
	    {"resourceVersion=30 ", NULL, "400 Bad Request", "", CLOSE},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("40"), HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nsynced 9\nchanged a\nbegin\nsynced 20\nbegin\nsynced 30\nbegin\nsynced 40\n");
}

static void test_silence(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, EVENT("ADDED", "a", "3"), HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("9"), HOLD},
	    {"resourceVersion=9 ", NULL, OK, BOOKMARK("10"), HOLD},
	    {"resourceVersion=10 ", NULL, OK, "", HOLD},
	    {"resourceVersion=10 ", NULL, OK, "", HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("20"), HOLD},
	};
	struct kube_watch_counts counts;
	struct fixture *f = *state;
	f->timing.silence_ms = 300;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nbegin\nsynced 9\nbookmark 10\nbegin\nsynced 20\n");
	for (size_t i = 1; i < 6; i++)
		assert_true(f->server.times_ms[i] - f->server.times_ms[i - 1] >= 290);
	/*
	 * The list and the watch that had reported something were interrupted. The others had
	 * nothing to report.
	 */
	kube_watch_counts(f->watch, &counts);
	assert_int_equal(counts.failures, 2);
	assert_int_equal(atomic_load(&f->lists_failed), 1);
}

/* The server accepts the parameters but does not act on them. */
static void test_watch_list_without_end(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, EVENT("ADDED", "a", "3"), CLOSE},
	    {"sendInitialEvents", NULL, OK, EVENT("ADDED", "a", "3"), CLOSE},
	    {"sendInitialEvents", NULL, OK, EVENT("ADDED", "a", "3"), CLOSE},
	    {"limit=2 ", NULL, OK, LIST("10", OBJECT("a", "3")), CLOSE},
	    {"resourceVersion=10 ", NULL, OK, "", HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nbegin\nlisted a\nbegin\nlisted a\nbegin\nlisted a\nsynced 10\n");
}

static void test_broken_lists(void **state)
{
	static const struct step steps[] = {
	    REFUSED,
	    {"limit=2 ", NULL, OK, "{\"kind\":\"Status\",\"metadata\":{\"resourceVersion\":\"1\"}}", CLOSE},
	    {"limit=2 ", NULL, OK, LIST("", ""), CLOSE},
	    {"limit=2 ", NULL, OK, "{\"items\":[" OBJECT("a", "1"), CLOSE},
	    {"limit=2 ", NULL, OK, LIST("18446744073709551616", ""), CLOSE},
	    {"limit=2 ", NULL, "403 Forbidden", "", CLOSE},
	    {"limit=2 ", NULL, OK, LIST("18446744073709551615", ""), CLOSE},
	    {"resourceVersion=18446744073709551615 ", NULL, OK, "", HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nbegin\nsynced 18446744073709551615\n");
}

static void test_history_went_back(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, INITIAL_END("9") BOOKMARK("8"), HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("5") EVENT("ADDED", "a", "6") EVENT("ADDED", "b", "3"), HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("7"), HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	expect(f, "begin\nsynced 9\nbegin\nsynced 5\nchanged a\nbegin\nsynced 7\n");
}

static void test_relist_from_callbacks(void **state)
{
	static const char *const places[] = {"listed b", "synced 9", "changed c", "bookmark 11"};
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK,
	     EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "4") INITIAL_END("9") EVENT("ADDED", "c", "10")
		 BOOKMARK("11"),
	     HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("20"), HOLD},
	};
	static const char whole[] = "begin\nlisted a\nlisted b\nsynced 9\nchanged c\nbookmark 11\n";
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char text[256];
		const char *end = strstr(whole, places[i]) + strlen(places[i]) + 1;
		snprintf(text, sizeof text, "%.*sbegin\nsynced 20\n", (int)(end - whole), whole);
		f->relist_at = places[i];
		RUN(f, steps);
		expect(f, text);
		stop(f);
		f->server = (struct server){.port = 0};
		f->told[0] = '\0';
	}
}

static void test_relist_during_pages(void **state)
{
	static const struct step steps[] = {
	    REFUSED,
	    {"limit=2 ", NULL, OK, PAGE("10", "x", OBJECT("a", "1")), CLOSE},
	    {"continue=x ", NULL, OK, PAGE("10", "y", OBJECT("b", "1")), CLOSE},
	    {"limit=2 ", NULL, OK, LIST("20", OBJECT("c", "1")), CLOSE},
	    {"resourceVersion=20 ", NULL, OK, "", HOLD},
	};
	struct fixture *f = *state;
	f->relist_at = "listed b";
	/* Nothing here may have to wait. */
	f->timing.backoff_ms = f->timing.backoff_max_ms = 60000;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nlisted b\nbegin\nlisted c\nsynced 20\n");
}

/*
 * If every list is useless, for example for lack of memory, the watch must not keep listing without
 * pause.
 */
static void test_relist_during_each_list(void **state)
{
	static const struct step steps[] = {
	    REFUSED,
	    {"limit=2 ", NULL, OK, LIST("10", OBJECT("a", "1")), CLOSE},
	    {"limit=2 ", NULL, OK, LIST("10", OBJECT("a", "1")), CLOSE},
	    {"limit=2 ", NULL, OK, LIST("10", OBJECT("a", "1")), CLOSE},
	    {"resourceVersion=10 ", NULL, OK, "", HOLD},
	};
	struct fixture *f = *state;
	f->relist_at = "listed a";
	f->relists = 2;
	RUN(f, steps);
	expect(f, "begin\nlisted a\nbegin\nlisted a\nbegin\nlisted a\nsynced 10\n");
	kube_loop_stop(f->loop);
	/* The second one waited, the first did not. */
	assert_int_equal(f->watch->backoff_ms, 2 * f->timing.backoff_ms);
}

static void wait_for(struct fixture *f, const char *text)
{
	int64_t until = now_ms() + SLACK_MS;
	while (!told(f, text) && now_ms() < until)
		sleep_ms(2);
	assert_true(told(f, text));
}

static void test_relist_when_live(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, INITIAL_END("9"), HOLD},
	    /* Also while a list is in progress. */
	    {"sendInitialEvents", NULL, OK, EVENT("ADDED", "a", "3"), HOLD},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("20"), HOLD},
	};
	struct fixture *f = *state;
	f->timing.backoff_ms = f->timing.backoff_max_ms = 60000;
	RUN(f, steps);
	wait_for(f, "begin\nsynced 9\n");
	kube_loop_post(f->loop, &f->relist);
	wait_for(f, "begin\nsynced 9\nbegin\nlisted a\n");
	kube_loop_post(f->loop, &f->relist);
	expect(f, "begin\nsynced 9\nbegin\nlisted a\nbegin\nsynced 20\n");
}

/*
 * A watch that waits after a failure continues to wait, so that it does not put load on the server.
 */
static void test_relist_in_a_pause(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, OK, INITIAL_END("9") EVENT("ADDED", "a", "10"), CUT},
	    {"resourceVersion=10 ", NULL, "503 Service Unavailable\r\nRetry-After: 1", "", CLOSE},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("20"), HOLD},
	};
	struct fixture *f = *state;
	RUN(f, steps);
	int64_t until = now_ms() + SLACK_MS;
	while (atomic_load(&f->server.at) < 2 && now_ms() < until)
		sleep_ms(1);
	sleep_ms(100);
	kube_loop_post(f->loop, &f->relist);
	expect(f, "begin\nsynced 9\nchanged a\nbegin\nsynced 20\n");
	assert_true(f->server.times_ms[2] - f->server.times_ms[1] >= 990);
}

static void test_back_off(void **state)
{
	static const struct step steps[] = {
	    {"sendInitialEvents", NULL, "503 Service Unavailable", "", CLOSE},
	    {"sendInitialEvents", NULL, "503 Service Unavailable", "", CLOSE},
	    {"sendInitialEvents", NULL, "503 Service Unavailable", "", CLOSE},
	    {"sendInitialEvents", NULL, "503 Service Unavailable", "", CLOSE},
	    {"sendInitialEvents", NULL, OK, INITIAL_END("20"), HOLD},
	};
	struct fixture *f = *state;
	f->timing.backoff_ms = 100;
	f->timing.backoff_max_ms = 400;
	RUN(f, steps);
	expect(f, "begin\nsynced 20\n");
	static const int64_t least[] = {75, 150, 300, 300};
	for (size_t i = 0; i < 4; i++)
		assert_true(f->server.times_ms[i + 1] - f->server.times_ms[i] >= least[i] - 5);
}

static void test_version(void **state)
{
	(void)state;
	uint64_t version;
	assert_true(kube_version(STR("18446744073709551615"), &version));
	assert_true(version == UINT64_MAX);
	static const char *const bad[] = {"", "18446744073709551616", "-1", "+1", "1 ", "0x1", "1a"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(kube_version(str_of(bad[i]), &version));
	assert_false(kube_version((struct str){NULL, 0}, &version));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_watch_list),
	    TEST(test_watch_list_parameters),
	    TEST(test_pages),
	    TEST(test_live_without_events),
	    TEST(test_refusal_is_remembered),
	    TEST(test_refusal_is_forgotten),
	    TEST(test_resumes),
	    TEST(test_cut_in_an_item),
	    TEST(test_expired),
	    TEST(test_errors),
	    TEST(test_silence),
	    TEST(test_watch_list_without_end),
	    TEST(test_broken_lists),
	    TEST(test_history_went_back),
	    TEST(test_relist_from_callbacks),
	    TEST(test_relist_during_pages),
	    TEST(test_relist_during_each_list),
	    TEST(test_relist_when_live),
	    TEST(test_relist_in_a_pause),
	    TEST(test_back_off),
	    cmocka_unit_test(test_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
