#include "webhook/http/conn.h"

#include <sys/socket.h>
#include <time.h>

#define KEEP_BYTES (64u << 10)  /* The most memory that each buffer keeps between requests. */
#define CHUNK_BYTES (16u << 10) /* Enough for the arena of an ordinary request. */

/*
 * During graceful shutdown, the time for a new connection to send its first request, and for an
 * idle one to send another request, whose response then carries `Connection: close`.
 */
#define FRESH_MS 1000
#define PAUSE_MS 250

int64_t http_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void http_sleep_ms(unsigned ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	while (nanosleep(&left, &left) != 0)
		;
}

void http_registry_init(struct http_registry *registry, const struct http_limits *limits)
{
	*registry = (struct http_registry){.limits = *limits};
	pthread_mutex_init(&registry->mutex, NULL);
}

void http_registry_release(struct http_registry *registry)
{
	pthread_mutex_destroy(&registry->mutex);
}

static bool is_busy(int phase)
{
	return phase >= HTTP_HEADERS;
}

void http_conn_init(struct http_conn *conn, struct http_registry *registry, int fd)
{
	*conn = (struct http_conn){.registry = registry, .fd = fd, .opened_ms = http_now_ms()};
	atomic_init(&conn->deadline_ms, conn->opened_ms + registry->limits.handshake_ms);
	atomic_init(&conn->phase, HTTP_HANDSHAKE);
	buf_init(&conn->body, registry->limits.body_bytes + registry->limits.padding);
	buf_init(&conn->out, registry->limits.answer_bytes);
	arena_init(&conn->arena, CHUNK_BYTES, registry->limits.arena_bytes);
	pthread_mutex_lock(&registry->mutex);
	conn->next = registry->first;
	if (conn->next)
		conn->next->previous = conn;
	registry->first = conn;
	pthread_mutex_unlock(&registry->mutex);
	atomic_fetch_add(&registry->count, 1);
	atomic_fetch_add(&registry->arrived, 1);
}

static void give_back(struct http_conn *conn)
{
	if (conn->charged)
		atomic_fetch_sub(&conn->registry->flight_bytes, conn->charged);
	conn->charged = 0;
}

void http_conn_release(struct http_conn *conn)
{
	struct http_registry *registry = conn->registry;
	pthread_mutex_lock(&registry->mutex);
	if (conn->previous)
		conn->previous->next = conn->next;
	else
		registry->first = conn->next;
	if (conn->next)
		conn->next->previous = conn->previous;
	pthread_mutex_unlock(&registry->mutex);
	if (is_busy(atomic_load(&conn->phase)))
		atomic_fetch_sub(&registry->in_flight, 1);
	atomic_fetch_sub(&registry->count, 1);
	give_back(conn);
	buf_release(&conn->body);
	buf_release(&conn->out);
	arena_release(&conn->arena);
}

void http_conn_enter(struct http_conn *conn, enum http_phase phase)
{
	const struct http_limits *limits = &conn->registry->limits;
	int64_t now = http_now_ms();
	int before = atomic_load_explicit(&conn->phase, memory_order_relaxed);
	if (is_busy(phase) && !is_busy(before)) {
		conn->begun_ms = now;
		atomic_fetch_add(&conn->registry->in_flight, 1);
	}
	const int64_t deadlines[] = {
	    [HTTP_HANDSHAKE] = now + limits->handshake_ms,
	    [HTTP_FRESH] = now + limits->idle_ms,
	    [HTTP_IDLE] = now + limits->idle_ms,
	    [HTTP_HEADERS] = conn->begun_ms + limits->header_ms,
	    [HTTP_BODY] = conn->begun_ms + limits->body_ms,
	    [HTTP_ANSWER] = now + limits->answer_ms,
	};
	atomic_store_explicit(&conn->deadline_ms, deadlines[phase], memory_order_relaxed);
	atomic_store_explicit(&conn->phase, phase, memory_order_relaxed);
	if (!is_busy(phase) && is_busy(before))
		atomic_fetch_sub(&conn->registry->in_flight, 1);
}

/*
 * Raises the connection's charge to `bytes`, or leaves it if it is higher. Memory up to KEEP_BYTES
 * is free, because every connection may keep that much. Returns false if all charges together
 * exceed the limit.
 */
static bool charge(struct http_conn *conn, size_t bytes)
{
	size_t due = bytes > KEEP_BYTES ? bytes : 0;
	if (due <= conn->charged)
		return true;
	size_t more = due - conn->charged;
	size_t before = atomic_fetch_add(&conn->registry->flight_bytes, more);
	conn->charged = due;
	return before + more <= conn->registry->limits.flight_bytes;
}

unsigned http_conn_take(struct http_conn *conn, const char *bytes, size_t count)
{
	const struct http_limits *limits = &conn->registry->limits;
	conn->received += count;
	if (conn->received > limits->body_bytes) {
		give_back(conn);
		buf_release(&conn->body);
		return 413;
	}
	char *to = buf_reserve(&conn->body, count + limits->padding);
	if (!to || !charge(conn, conn->body.size)) {
		give_back(conn);
		buf_release(&conn->body);
		return 503;
	}
	memcpy(to, bytes, count);
	conn->body.len += count;
	return 0;
}

bool http_conn_charge_answer(struct http_conn *conn)
{
	if (charge(conn, conn->out.size))
		return true;
	give_back(conn);
	buf_release(&conn->out);
	return false;
}

bool http_conn_charge_wait(struct http_conn *conn)
{
	return charge(conn, conn->body.size + conn->arena.total_bytes);
}

void http_conn_clear(struct http_conn *conn)
{
	buf_reset(&conn->body);
	buf_reset(&conn->out);
	arena_reset(&conn->arena);
	conn->received = 0;
}

void http_conn_decided(struct http_conn *conn)
{
	give_back(conn);
	if (conn->body.size > KEEP_BYTES)
		buf_release(&conn->body);
	if (conn->arena.total_bytes > KEEP_BYTES)
		arena_release(&conn->arena);
}

void http_conn_rest(struct http_conn *conn)
{
	http_conn_decided(conn);
	if (conn->out.size > KEEP_BYTES)
		buf_release(&conn->out);
	http_conn_clear(conn);
}

void http_registry_reap(struct http_registry *registry)
{
	int64_t now = http_now_ms();
	bool crowded = atomic_load(&registry->count) > registry->limits.connections / 4 * 3;
	pthread_mutex_lock(&registry->mutex);
	for (struct http_conn *conn = registry->first; conn; conn = conn->next) {
		bool late = now > atomic_load_explicit(&conn->deadline_ms, memory_order_relaxed);
		bool idler = crowded && now - conn->opened_ms > registry->limits.proof_ms &&
			     !atomic_load(&conn->trusted) && atomic_load(&conn->phase) != HTTP_ANSWER;
		if (late || idler)
			shutdown(conn->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&registry->mutex);
}

unsigned http_registry_close_idle(struct http_registry *registry)
{
	int64_t now = http_now_ms();
	unsigned expected = 0;
	pthread_mutex_lock(&registry->mutex);
	for (struct http_conn *conn = registry->first; conn; conn = conn->next) {
		int phase = atomic_load(&conn->phase);
		int64_t idle_ms = now + registry->limits.idle_ms - atomic_load(&conn->deadline_ms);
		if ((phase <= HTTP_FRESH && now - conn->opened_ms < FRESH_MS) ||
		    (phase == HTTP_IDLE && idle_ms < PAUSE_MS))
			expected++;
		else if (phase <= HTTP_IDLE)
			shutdown(conn->fd, SHUT_RD);
	}
	pthread_mutex_unlock(&registry->mutex);
	return expected;
}
