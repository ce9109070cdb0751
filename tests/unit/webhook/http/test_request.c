/*
 * test_request: tests delayed answers with a real listener, clients over TLS, and a thread that
 * answers the suspended requests.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <gnutls/gnutls.h>

#include "gpugate/certs.h"
#include "webhook/http/conn.h"
#include "webhook/http/server.h"

#define PATIENCE_MS 20000
#define ASKS_MAX 256
#define CLIENTS 64
#define ROUNDS 25
#define DELAY_MAX_MS 50
#define TEXT_MAX (128 << 10)

static char folder[] = "/tmp/gpugate-ask-XXXXXX";
static gnutls_certificate_credentials_t credentials;

/*
 * The owner of suspended requests: a thread that answers each when it is due. Each answer is the
 * request's own body.
 */
struct owner {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t change;
	bool stopping;
	bool released; /* Requests without a due time are due. */
	struct {
		struct http_request *request;
		int64_t due_ms; /* 0: due once released. */
		bool *told;     /* Set after the answer; then `change` is signaled. May be NULL. */
	} asks[ASKS_MAX];
	unsigned count;
	unsigned seed;
	bool blocked; /* Whether a worker waits in the answer function. */
	_Atomic unsigned forgotten;
	/* For the last request: its deadline minus the time when it arrived. */
	int64_t patience_ms;
};

struct fixture {
	struct http_server *server;
	struct owner owner;
	uint16_t port;
};

static void echo(struct http_request *request)
{
	buf_add(request->out, request->body.ptr, request->body.len);
}

static int find_due(const struct owner *owner)
{
	int64_t now = http_now_ms();
	for (unsigned i = 0; i < owner->count; i++)
		if (owner->asks[i].due_ms ? owner->asks[i].due_ms <= now : owner->released)
			return (int)i;
	return -1;
}

static void answer_one(struct owner *owner, int at)
{
	struct http_request *request = owner->asks[at].request;
	bool *told = owner->asks[at].told;
	owner->asks[at] = owner->asks[--owner->count];
	pthread_mutex_unlock(&owner->mutex);
	echo(request);
	http_request_respond(request, 200);
	pthread_mutex_lock(&owner->mutex);
	if (told) {
		*told = true;
		pthread_cond_broadcast(&owner->change);
	}
}

static void *own(void *self)
{
	struct owner *owner = self;
	pthread_mutex_lock(&owner->mutex);
	while (!owner->stopping || owner->count) {
		int at = owner->stopping ? 0 : find_due(owner);
		if (at >= 0) {
			answer_one(owner, at);
			continue;
		}
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 2000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&owner->change, &owner->mutex, &until);
	}
	pthread_mutex_unlock(&owner->mutex);
	return NULL;
}

static void hold(struct owner *owner, struct http_request *request, int64_t due_ms, bool *told)
{
	if (owner->count == ASKS_MAX)
		abort();
	owner->asks[owner->count].request = request;
	owner->asks[owner->count].due_ms = due_ms;
	owner->asks[owner->count++].told = told;
	pthread_cond_broadcast(&owner->change);
}

static void block(struct owner *owner)
{
	pthread_mutex_lock(&owner->mutex);
	owner->blocked = true;
	while (!owner->released)
		pthread_cond_wait(&owner->change, &owner->mutex);
	owner->blocked = false;
	pthread_mutex_unlock(&owner->mutex);
}

/*
 * Answers by the first letter of the body: `n` now, `l` later, `f` first (answered before this
 * returns), `h` when released. `b` blocks its worker until released, and is held to the end. `x` is
 * never answered. A correct answer function does neither of the last two.
 */
static unsigned answer(void *context, struct http_request *request)
{
	struct owner *owner = context;
	char how = request->body.ptr[0];
	if (how == 'n') {
		echo(request);
		return 200;
	}
	if (how == 'b')
		block(owner);
	http_request_suspend(request);
	if (how == 'x') {
		atomic_fetch_add(&owner->forgotten, 1);
		return HTTP_LATER;
	}
	pthread_mutex_lock(&owner->mutex);
	int64_t now = http_now_ms();
	owner->patience_ms = request->deadline_ms - now;
	if (how == 'h' || how == 'b') {
		hold(owner, request, how == 'h' ? 0 : INT64_MAX, NULL);
	} else if (how == 'l') {
		hold(owner, request, now + rand_r(&owner->seed) % (DELAY_MAX_MS + 1), NULL);
	} else {
		bool told = false;
		hold(owner, request, now, &told);
		while (!told)
			pthread_cond_wait(&owner->change, &owner->mutex);
	}
	pthread_mutex_unlock(&owner->mutex);
	return HTTP_LATER;
}

static unsigned held(struct owner *owner)
{
	pthread_mutex_lock(&owner->mutex);
	unsigned count = owner->count;
	pthread_mutex_unlock(&owner->mutex);
	return count;
}

static bool is_blocked(struct owner *owner)
{
	pthread_mutex_lock(&owner->mutex);
	bool blocked = owner->blocked;
	pthread_mutex_unlock(&owner->mutex);
	return blocked;
}

static void release(struct owner *owner)
{
	pthread_mutex_lock(&owner->mutex);
	owner->released = true;
	pthread_cond_broadcast(&owner->change);
	pthread_mutex_unlock(&owner->mutex);
}

/* Answers all requests that it holds. */
static void owner_stop(struct owner *owner)
{
	pthread_mutex_lock(&owner->mutex);
	owner->stopping = true;
	pthread_cond_broadcast(&owner->change);
	pthread_mutex_unlock(&owner->mutex);
	pthread_join(owner->thread, NULL);
}

/* Waits until a count has the expected value. */
#define EVENTUALLY(count, wanted)                                                                                      \
	do {                                                                                                           \
		int64_t end_ms_ = http_now_ms() + PATIENCE_MS;                                                         \
		while ((count) != (wanted) && http_now_ms() < end_ms_)                                                 \
			http_sleep_ms(1);                                                                              \
		assert_int_equal(count, wanted);                                                                       \
	} while (0)

/*
 * One connection of a client. Its functions return false on failure, because they also run on other
 * threads than the test's.
 */
struct client {
	gnutls_session_t tls;
	int fd;
	char head[4096];
	char body[TEXT_MAX];
	size_t body_len;
	unsigned status;
	bool closes;
	char rest[TEXT_MAX]; /* Bytes that were read after the answer. */
	size_t rest_len;
};

static bool client_open(struct client *client, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	client->tls = NULL;
	client->rest_len = 0;
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&to, sizeof to) != 0)
		return false;
	if (gnutls_init(&client->tls, GNUTLS_CLIENT) != 0 || gnutls_set_default_priority(client->tls) != 0 ||
	    gnutls_credentials_set(client->tls, GNUTLS_CRD_CERTIFICATE, credentials) != 0)
		return false;
	gnutls_transport_set_int(client->tls, client->fd);
	int result;
	while ((result = gnutls_handshake(client->tls)) < 0 && !gnutls_error_is_fatal(result))
		if (result == GNUTLS_E_AGAIN)
			return false;
	return result == 0;
}

static void client_close(struct client *client)
{
	if (client->tls)
		gnutls_deinit(client->tls);
	if (client->fd >= 0)
		close(client->fd);
}

static bool client_send(struct client *client, const char *bytes, size_t len)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t count = gnutls_record_send(client->tls, bytes + sent, len - sent);
		if (count < 0 && count != GNUTLS_E_INTERRUPTED)
			return false;
		sent += count > 0 ? (size_t)count : 0;
	}
	return true;
}

static void add_request(struct buf *out, const char *body, size_t len)
{
	buf_printf(out,
		   "POST /validate?timeout=3s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		   "Content-Length: %zu\r\n\r\n",
		   len);
	buf_add(out, body, len);
}

static bool client_ask(struct client *client, const char *body, size_t len)
{
	struct buf request;
	buf_init(&request, 4 * TEXT_MAX);
	add_request(&request, body, len);
	bool fine = !request.failed && client_send(client, request.ptr, request.len);
	buf_release(&request);
	return fine;
}

/* Reads more bytes. */
static bool fill(struct client *client)
{
	for (;;) {
		ssize_t count = gnutls_record_recv(client->tls, client->rest + client->rest_len,
						   sizeof client->rest - 1 - client->rest_len);
		if (count == GNUTLS_E_INTERRUPTED ||
		    (count < 0 && count != GNUTLS_E_AGAIN && !gnutls_error_is_fatal((int)count)))
			continue;
		client->rest_len += count > 0 ? (size_t)count : 0;
		client->rest[client->rest_len] = '\0';
		return count > 0;
	}
}

/* Reads one answer. */
static bool client_read(struct client *client)
{
	char *end;
	client->rest[client->rest_len] = '\0';
	while (!(end = strstr(client->rest, "\r\n\r\n")))
		if (!fill(client))
			return false;
	size_t head_len = (size_t)(end - client->rest) + 4;
	if (head_len >= sizeof client->head)
		return false;
	memcpy(client->head, client->rest, head_len);
	client->head[head_len] = '\0';
	client->closes = strstr(client->head, "Connection: close") != NULL;
	const char *length = strstr(client->head, "Content-Length: ");
	if (sscanf(client->head, "HTTP/1.1 %u ", &client->status) != 1 || !length)
		return false;
	client->body_len = strtoul(length + strlen("Content-Length: "), NULL, 10);
	if (client->body_len >= sizeof client->body)
		return false;
	while (client->rest_len - head_len < client->body_len)
		if (!fill(client))
			return false;
	memcpy(client->body, client->rest + head_len, client->body_len);
	client->rest_len -= head_len + client->body_len;
	memmove(client->rest, client->rest + head_len + client->body_len, client->rest_len);
	return true;
}

static bool is_echo(const struct client *client, const char *body, size_t len)
{
	return client->status == 200 && client->body_len == len && memcmp(client->body, body, len) == 0;
}

static bool client_exchange(struct client *client, const char *body)
{
	size_t len = strlen(body);
	return client_ask(client, body, len) && client_read(client) && is_echo(client, body, len);
}

static void file_of(const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", folder, name);
}

static void put(const char *name, const struct buf *text)
{
	char path[128];
	file_of(name, path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text->ptr, 1, text->len, file), text->len);
	assert_int_equal(fclose(file), 0);
}

static int group_setup(void **state)
{
	(void)state;
	const char *const ips[] = {"127.0.0.1"};
	const struct certs_leaf wanted = {.usage = CERTS_SERVER,
					  .common_name = "localhost",
					  .ips = ips,
					  .ip_count = 1,
					  .seconds = 2 * CERTS_DAY_SECONDS};
	struct certs_pair authority, leaf;
	struct error err = {0};
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(folder));
	certs_pair_init(&authority);
	certs_pair_init(&leaf);
	assert_int_equal(certs_authority_create(&authority, "test CA", time(NULL), 2 * CERTS_DAY_SECONDS, &err), 0);
	assert_int_equal(
	    certs_issue(&leaf, buf_view(&authority.certificate), buf_view(&authority.key), &wanted, time(NULL), &err),
	    0);
	put("tls.crt", &leaf.certificate);
	put("tls.key", &leaf.key);
	certs_pair_release(&leaf);
	certs_pair_release(&authority);
	return gnutls_certificate_allocate_credentials(&credentials);
}

static int group_teardown(void **state)
{
	(void)state;
	char path[128];
	file_of("tls.crt", path);
	unlink(path);
	file_of("tls.key", path);
	unlink(path);
	gnutls_certificate_free_credentials(credentials);
	return rmdir(folder);
}

static int setup_threads(void **state, unsigned threads)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct error err = {0};
	char cert[128], key[128];
	assert_non_null(f);
	file_of("tls.crt", cert);
	file_of("tls.key", key);
	f->owner.seed = 1;
	pthread_mutex_init(&f->owner.mutex, NULL);
	pthread_cond_init(&f->owner.change, NULL);
	assert_int_equal(pthread_create(&f->owner.thread, NULL, own, &f->owner), 0);
	f->server = http_server_create(&(struct http_options){.listen = "127.0.0.1:0",
							      .cert_file = cert,
							      .key_file = key,
							      .threads = threads,
							      .answer = answer,
							      .answer_context = &f->owner},
				       &err);
	if (!f->server)
		fail_msg("%s", err.text);
	f->port = (uint16_t)atoi(strrchr(http_server_address(f->server), ':') + 1);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_threads(state, 2);
}

static int setup_one_worker(void **state)
{
	return setup_threads(state, 1);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (!f->owner.stopping)
		owner_stop(&f->owner);
	http_server_destroy(f->server);
	pthread_mutex_destroy(&f->owner.mutex);
	pthread_cond_destroy(&f->owner.change);
	free(f);
	return 0;
}

static struct client *client_new(const struct fixture *f)
{
	struct client *client = calloc(1, sizeof *client);
	assert_non_null(client);
	assert_true(client_open(client, f->port));
	return client;
}

static void client_free(struct client *client)
{
	client_close(client);
	free(client);
}

struct crowd {
	uint16_t port;
	unsigned number;
	unsigned answered;
	pthread_t thread;
};

/*
 * Keeps one connection open over all rounds, and requests every kind of answer in turn, with bodies
 * of many sizes.
 */
static void *ask_often(void *self)
{
	struct crowd *crowd = self;
	struct client *client = calloc(1, sizeof *client);
	char *body = calloc(1, TEXT_MAX);
	bool fine = client && body && client_open(client, crowd->port);
	for (unsigned round = 0; fine && round < ROUNDS; round++) {
		int len = snprintf(body, TEXT_MAX, "%c %u of %u ", "lnlfl"[(round + crowd->number) % 5], round,
				   crowd -> number);
		unsigned more = round % 7 == 0 ? 40000 + crowd->number : round * 31;
		memset(body + len, 'a' + (int)(round % 26), more);
		body[(unsigned)len + more] = '\0';
		fine = client_exchange(client, body) && !client->closes;
		crowd->answered += fine;
	}
	if (client)
		client_free(client);
	free(body);
	return NULL;
}

static void keeps_connections(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd[CLIENTS];
	for (unsigned i = 0; i < CLIENTS; i++) {
		crowd[i] = (struct crowd){.port = f->port, .number = i};
		assert_int_equal(pthread_create(&crowd[i].thread, NULL, ask_often, &crowd[i]), 0);
	}
	unsigned answered = 0;
	for (unsigned i = 0; i < CLIENTS; i++) {
		pthread_join(crowd[i].thread, NULL);
		answered += crowd[i].answered;
	}
	assert_int_equal(answered, CLIENTS * ROUNDS);
	EVENTUALLY(http_server_in_flight(f->server), 0);
}

static void says_how_long(void **state)
{
	struct fixture *f = *state;
	struct client *client = client_new(f);
	assert_true(client_exchange(client, "l"));
	assert_in_range(f->owner.patience_ms, 1, 3000);
	client_free(client);
}

/*
 * A worker that holds suspended requests answers others. Each of the two workers has many of the
 * 16.
 */
static void does_not_block(void **state)
{
	struct fixture *f = *state;
	struct client *held_clients[16];
	for (unsigned i = 0; i < 16; i++) {
		held_clients[i] = client_new(f);
		assert_true(client_ask(held_clients[i], "held", 4));
	}
	EVENTUALLY(held(&f->owner), 16);
	for (unsigned i = 0; i < 16; i++) {
		struct client *client = client_new(f);
		assert_true(client_exchange(client, "now") && client_exchange(client, "later"));
		client_free(client);
	}
	EVENTUALLY(http_server_in_flight(f->server), 16);
	release(&f->owner);
	for (unsigned i = 0; i < 16; i++) {
		assert_true(client_read(held_clients[i]) && is_echo(held_clients[i], "held", 4));
		assert_true(client_exchange(held_clients[i], "again? first"));
		client_free(held_clients[i]);
	}
}

/*
 * All requests are in one TLS record or several. What follows a suspended request waits inside the
 * server.
 */
static void keeps_pipelined_bytes(void **state)
{
	static const char *const sorts[] = {"l", "n", "l", "l", "f", "n", "f", "l"};
	struct fixture *f = *state;
	struct client *client = client_new(f);
	char *body = malloc(TEXT_MAX);
	assert_non_null(body);
	const size_t lengths[] = {5, 600, 3500, 20000, 40000};
	for (unsigned size = 0; size < sizeof lengths / sizeof *lengths; size++) {
		struct buf requests;
		buf_init(&requests, 8 * TEXT_MAX);
		for (unsigned i = 0; i < 8; i++) {
			memset(body, 'A' + (int)i, lengths[size]);
			body[0] = sorts[i][0];
			add_request(&requests, body, lengths[size]);
		}
		assert_true(client_send(client, requests.ptr, requests.len));
		for (unsigned i = 0; i < 8; i++) {
			memset(body, 'A' + (int)i, lengths[size]);
			body[0] = sorts[i][0];
			assert_true(client_read(client));
			assert_true(is_echo(client, body, lengths[size]));
		}
		buf_release(&requests);
	}
	free(body);
	client_free(client);
}

/* Returns the server's end of this client's connection, which is in the same process. */
static int other_end(const struct client *client)
{
	struct sockaddr_in ours, theirs;
	socklen_t len = sizeof ours;
	assert_int_equal(getsockname(client->fd, (struct sockaddr *)&ours, &len), 0);
	for (int fd = 0; fd < 1024; fd++) {
		len = sizeof theirs;
		if (getpeername(fd, (struct sockaddr *)&theirs, &len) == 0 && theirs.sin_port == ours.sin_port)
			return fd;
	}
	fail_msg("no other end");
	return -1;
}

/*
 * Sends as many requests as a worker takes from epoll at a time, and none after them (see
 * webhook/http/epoll.c). All have arrived before the worker looks, because it is blocked. Nothing
 * else is ready then, because the blocking request is suspended.
 */
static void answers_a_full_batch(void **state)
{
	struct fixture *f = *state;
	struct client *blocker = client_new(f), *clients[128];
	for (unsigned i = 0; i < 128; i++) {
		clients[i] = client_new(f);
		assert_true(client_exchange(clients[i], "n"));
	}
	assert_true(client_ask(blocker, "b", 1));
	EVENTUALLY(is_blocked(&f->owner), true);
	for (unsigned i = 0; i < 128; i++)
		assert_true(client_ask(clients[i], i % 2 ? "n" : "l", 1));
	release(&f->owner);
	for (unsigned i = 0; i < 128; i++) {
		assert_true(client_read(clients[i]) && is_echo(clients[i], i % 2 ? "n" : "l", 1));
		client_free(clients[i]);
	}
	client_free(blocker);
}

enum loss { CLOSES, RESETS, IS_CUT };

/*
 * A request exists until it is answered. The answer is dropped, and other clients are not affected.
 */
static void loses_clients(void **state)
{
	struct fixture *f = *state;
	struct client *client = client_new(f);
	for (unsigned i = 0; i < 30; i++) {
		struct client *lost = client_new(f);
		assert_true(client_ask(lost, "held", 4));
		EVENTUALLY(held(&f->owner), i + 1);
		struct linger reset = {1, 0};
		if (i % 3 == RESETS)
			setsockopt(lost->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		else if (i % 3 == IS_CUT)
			/* As the reaper does. */
			assert_int_equal(shutdown(other_end(lost), SHUT_RDWR), 0);
		if (i % 3 == IS_CUT)
			assert_false(client_read(lost));
		client_free(lost);
		assert_true(client_exchange(client, i % 2 ? "n" : "f"));
	}
	assert_int_equal(http_server_connections(f->server), 31);
	EVENTUALLY(http_server_in_flight(f->server), 30);
	release(&f->owner);
	EVENTUALLY(http_server_connections(f->server), 1);
	assert_int_equal(http_server_in_flight(f->server), 0);
	assert_true(client_exchange(client, "l"));
	client_free(client);
}

static void *drain(void *server)
{
	http_server_drain(server, 0);
	return NULL;
}

static bool is_refused(uint16_t port)
{
	struct client *client = calloc(1, sizeof *client);
	bool refused = client && !client_open(client, port);
	if (client)
		client_free(client);
	return refused;
}

static void drains(void **state)
{
	struct fixture *f = *state;
	struct client *client = client_new(f);
	pthread_t thread;
	assert_true(client_ask(client, "held", 4));
	EVENTUALLY(held(&f->owner), 1);
	assert_int_equal(pthread_create(&thread, NULL, drain, f->server), 0);
	EVENTUALLY(is_refused(f->port), true);
	assert_int_equal(http_server_in_flight(f->server), 1);
	release(&f->owner);
	assert_true(client_read(client) && is_echo(client, "held", 4));
	assert_true(client->closes);
	pthread_join(thread, NULL);
	assert_int_equal(http_server_connections(f->server), 0);
	client_free(client);
}

/*
 * Shutdown without a drain: the owner answers all requests, then the server is destroyed, and the
 * answers arrive.
 */
static void ends_with_its_owner(void **state)
{
	struct fixture *f = *state;
	struct client *clients[8];
	for (unsigned i = 0; i < 8; i++) {
		clients[i] = client_new(f);
		assert_true(client_ask(clients[i], "held", 4));
	}
	EVENTUALLY(held(&f->owner), 8);
	owner_stop(&f->owner);
	http_server_destroy(f->server);
	f->server = NULL;
	for (unsigned i = 0; i < 8; i++) {
		assert_true(client_read(clients[i]) && is_echo(clients[i], "held", 4));
		client_free(clients[i]);
	}
}

struct loser {
	uint16_t port;
	pthread_t thread;
	unsigned answered, refused, lost;
};

/* Sends requests until an answer is wrong. Unanswered requests become rarer and rarer. */
static void *ask_in_vain(void *self)
{
	struct loser *loser = self;
	struct client *client = calloc(1, sizeof *client);
	bool fine = client && client_open(client, loser->port);
	for (unsigned i = 0; fine; i++) {
		const char *body = i % 50 == 49 ? "x" : "n";
		fine = client_ask(client, body, 1) && client_read(client) && client->status == 200;
		loser->answered += fine;
	}
	*(client && client->status == 503 ? &loser->refused : &loser->lost) += 1;
	if (client)
		client_free(client);
	return NULL;
}

/*
 * Shutdown without an owner to answer, under load: nothing hangs, and waiting clients get an
 * answer.
 */
static void ends_abandoned(void **state)
{
	struct fixture *f = *state;
	struct client *waiting = client_new(f);
	struct loser losers[8];
	assert_true(client_ask(waiting, "x", 1));
	EVENTUALLY(atomic_load(&f->owner.forgotten), 1);
	for (unsigned i = 0; i < 8; i++) {
		losers[i] = (struct loser){.port = f->port};
		assert_int_equal(pthread_create(&losers[i].thread, NULL, ask_in_vain, &losers[i]), 0);
	}
	/* While the others still send requests. */
	EVENTUALLY(atomic_load(&f->owner.forgotten) >= 3, true);
	http_server_destroy(f->server);
	f->server = NULL;
	assert_true(client_read(waiting));
	assert_int_equal(waiting->status, 503);
	assert_non_null(strstr(waiting->head, "Retry-After: 1"));
	client_free(waiting);
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(losers[i].thread, NULL);
		assert_int_equal(losers[i].refused + losers[i].lost, 1);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(keeps_connections),
	    TEST(says_how_long),
	    TEST(does_not_block),
	    TEST(keeps_pipelined_bytes),
	    TEST(loses_clients),
	    TEST(drains),
	    TEST(ends_with_its_owner),
	    TEST(ends_abandoned),
	    cmocka_unit_test_setup_teardown(answers_a_full_batch, setup_one_worker, teardown),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
