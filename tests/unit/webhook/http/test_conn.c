/*
 * test_conn: tests webhook/http/conn.c: deadlines, which connections are closed, and the limits on
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "webhook/http/conn.h"

static const struct http_limits limits = {
    .connections = 8,
    .proof_ms = 3000,
    .handshake_ms = 1000,
    .idle_ms = 10000,
    .header_ms = 2000,
    .body_ms = 3000,
    .answer_ms = 4000,
    .body_bytes = 1 << 20,
    .flight_bytes = 3 << 20,
    .padding = 64,
    .arena_bytes = 1 << 20,
    .answer_bytes = 1 << 20,
};

struct pair {
	struct http_conn conn;
	int ours, theirs;
};

static void pair_open(struct pair *pair, struct http_registry *registry)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pair->ours = fds[0];
	pair->theirs = fds[1];
	http_conn_init(&pair->conn, registry, fds[0]);
}

static void pair_close(struct pair *pair)
{
	http_conn_release(&pair->conn);
	close(pair->ours);
	close(pair->theirs);
}

/* Whether the peer sees the end of the stream. */
static bool is_cut(struct pair *pair)
{
	char byte;
	return recv(pair->theirs, &byte, 1, MSG_DONTWAIT) == 0;
}

/*
 * Enters the phase. Its deadline must be `ms` milliseconds after some time during the call, however
 * long the call takes.
 */
static void enter(struct http_conn *conn, enum http_phase phase, int64_t ms)
{
	int64_t before_ms = http_now_ms();
	http_conn_enter(conn, phase);
	assert_in_range(atomic_load(&conn->deadline_ms) - before_ms, ms, ms + http_now_ms() - before_ms);
}

static void phases(void **state)
{
	(void)state;
	struct http_registry registry;
	http_registry_init(&registry, &limits);
	struct pair pair;
	pair_open(&pair, &registry);
	assert_int_equal(atomic_load(&pair.conn.deadline_ms) - pair.conn.opened_ms, limits.handshake_ms);
	enter(&pair.conn, HTTP_FRESH, limits.idle_ms);
	assert_int_equal(atomic_load(&registry.in_flight), 0);
	enter(&pair.conn, HTTP_HEADERS, limits.header_ms);
	assert_int_equal(atomic_load(&registry.in_flight), 1);
	/* As if the headers had taken that long. */
	pair.conn.begun_ms -= 1500;
	http_conn_enter(&pair.conn, HTTP_BODY);
	assert_int_equal(atomic_load(&pair.conn.deadline_ms) - pair.conn.begun_ms, limits.body_ms);
	enter(&pair.conn, HTTP_ANSWER, limits.answer_ms);
	assert_int_equal(atomic_load(&registry.in_flight), 1);
	http_conn_enter(&pair.conn, HTTP_IDLE);
	assert_int_equal(atomic_load(&registry.in_flight), 0);
	http_conn_enter(&pair.conn, HTTP_HEADERS);
	assert_int_equal(atomic_load(&registry.count), 1);
	pair_close(&pair);
	assert_int_equal(atomic_load(&registry.in_flight), 0);
	assert_int_equal(atomic_load(&registry.count), 0);
	http_registry_release(&registry);
}

static void reaping(void **state)
{
	(void)state;
	struct http_registry registry;
	http_registry_init(&registry, &limits);
	struct pair pairs[8];
	for (int i = 0; i < 8; i++)
		pair_open(&pairs[i], &registry);
	atomic_store(&pairs[0].conn.deadline_ms, http_now_ms() - 1);
	http_registry_reap(&registry);
	for (int i = 0; i < 8; i++)
		assert_int_equal(is_cut(&pairs[i]), i == 0);

	/*
	 * Crowded: connections that have not become trusted for long are closed, except those that
	 * wait for an answer.
	 */
	for (int i = 1; i < 5; i++)
		pairs[i].conn.opened_ms -= 60000;
	atomic_store(&pairs[2].conn.trusted, true);
	http_conn_enter(&pairs[3].conn, HTTP_ANSWER);
	http_registry_reap(&registry);
	for (int i = 1; i < 8; i++)
		assert_int_equal(is_cut(&pairs[i]), i == 1 || i == 4);

	/* There is room again: no connection has to become trusted. */
	pair_close(&pairs[0]);
	pair_close(&pairs[4]);
	pairs[5].conn.opened_ms -= 60000;
	http_registry_reap(&registry);
	assert_false(is_cut(&pairs[5]));
	for (int i = 0; i < 8; i++)
		if (i != 0 && i != 4)
			pair_close(&pairs[i]);
	http_registry_release(&registry);
}

static void stopping(void **state)
{
	(void)state;
	struct http_registry registry;
	http_registry_init(&registry, &limits);
	struct pair fresh, stale, idle, asking, paused;
	struct pair *all[] = {&fresh, &stale, &idle, &asking, &paused};
	for (int i = 0; i < 5; i++)
		pair_open(all[i], &registry);
	http_conn_enter(&fresh.conn, HTTP_FRESH);
	http_conn_enter(&stale.conn, HTTP_FRESH);
	stale.conn.opened_ms -= 5000;
	http_conn_enter(&idle.conn, HTTP_IDLE);
	atomic_fetch_sub(&idle.conn.deadline_ms, 1000);
	http_conn_enter(&asking.conn, HTTP_HEADERS);
	http_conn_enter(&paused.conn, HTTP_IDLE);
	assert_int_equal(http_registry_close_idle(&registry), 2);
	for (int i = 0; i < 5; i++) {
		char byte;
		bool ended = recv(all[i]->ours, &byte, 1, MSG_DONTWAIT) == 0;
		assert_int_equal(ended, all[i] == &stale || all[i] == &idle);
		pair_close(all[i]);
	}
	http_registry_release(&registry);
}

static void bodies(void **state)
{
	(void)state;
	struct http_registry registry;
	http_registry_init(&registry, &limits);
	static char bytes[1 << 20];
	struct pair pairs[4];
	for (int i = 0; i < 4; i++)
		pair_open(&pairs[i], &registry);
	struct http_conn *conn = &pairs[0].conn;

	assert_int_equal(http_conn_take(conn, bytes, 1000), 0);
	assert_int_equal(atomic_load(&registry.flight_bytes), 0);
	assert_true(conn->body.size - conn->body.len >= limits.padding);
	http_conn_rest(conn);
	/* Kept for the next request. */
	assert_true(conn->body.size > 0);
	assert_int_equal(conn->body.len, 0);

	/* The maximum. */
	assert_int_equal(http_conn_take(conn, bytes, 1 << 20), 0);
	assert_int_equal(http_conn_take(conn, bytes, 1), 413);
	assert_null(conn->body.ptr);
	assert_int_equal(atomic_load(&registry.flight_bytes), 0);
	http_conn_rest(conn);

	for (int i = 0; i < 2; i++)
		assert_int_equal(http_conn_take(&pairs[i].conn, bytes, 1 << 20), 0);
	assert_int_equal(http_conn_take(&pairs[2].conn, bytes, 1 << 20), 503);
	/* A small body always fits. */
	assert_int_equal(http_conn_take(&pairs[3].conn, bytes, 60000), 0);
	http_conn_rest(&pairs[0].conn);
	assert_null(pairs[0].conn.body.ptr);
	http_conn_rest(&pairs[2].conn);
	assert_int_equal(http_conn_take(&pairs[2].conn, bytes, 1 << 20), 0);
	for (int i = 0; i < 4; i++)
		pair_close(&pairs[i]);
	assert_int_equal(atomic_load(&registry.flight_bytes), 0);
	http_registry_release(&registry);
}

/*
 * Answers are long and bodies are short. Answers that clients do not read use no more memory than
 * the limit for all bodies.
 */
static void answers(void **state)
{
	(void)state;
	struct http_registry registry;
	http_registry_init(&registry, &limits);
	struct pair pairs[5];
	for (int i = 0; i < 5; i++) {
		pair_open(&pairs[i], &registry);
		char *to = buf_reserve(&pairs[i].conn.out, 1 << 20);
		assert_non_null(to);
		pairs[i].conn.out.len = 1 << 20;
		assert_int_equal(http_conn_charge_answer(&pairs[i].conn), i < 3);
	}
	assert_null(pairs[3].conn.out.ptr);
	buf_text(&pairs[3].conn.out, "not now");
	/* A small answer always fits. */
	assert_true(http_conn_charge_answer(&pairs[3].conn));
	http_conn_rest(&pairs[0].conn);
	assert_non_null(buf_reserve(&pairs[4].conn.out, 1 << 20));
	assert_true(http_conn_charge_answer(&pairs[4].conn));
	for (int i = 0; i < 5; i++)
		pair_close(&pairs[i]);
	assert_int_equal(atomic_load(&registry.flight_bytes), 0);
	http_registry_release(&registry);
}

/*
 * A waiting request also keeps what was parsed from its body. That is charged too, and small
 * requests always fit.
 */
static void waiting(void **state)
{
	(void)state;
	struct http_registry registry;
	http_registry_init(&registry, &limits);
	struct pair pairs[5];
	for (int i = 0; i < 5; i++) {
		pair_open(&pairs[i], &registry);
		assert_int_equal(http_conn_take(&pairs[i].conn, "{}", 2), 0);
		assert_non_null(arena_alloc(&pairs[i].conn.arena, i < 4 ? 900000 : 1000));
		assert_int_equal(http_conn_charge_wait(&pairs[i].conn), i != 3);
	}
	assert_in_range(atomic_load(&registry.flight_bytes), 3 * 900000, 5u << 20);
	for (int i = 0; i < 5; i++) {
		http_conn_rest(&pairs[i].conn);
		pair_close(&pairs[i]);
	}
	assert_int_equal(atomic_load(&registry.flight_bytes), 0);
	http_registry_release(&registry);
}

/*
 * Between the decision and the end of the answer, only the answer is kept. Of a small request,
 * everything is kept for the next one.
 */
static void decided(void **state)
{
	(void)state;
	static char bytes[1 << 20];
	struct http_registry registry;
	http_registry_init(&registry, &limits);
	struct pair large, small;
	pair_open(&large, &registry);
	pair_open(&small, &registry);
	assert_int_equal(http_conn_take(&large.conn, bytes, 1 << 20), 0);
	while (large.conn.arena.total_bytes < 900000)
		/* No single block is large. */
		assert_non_null(arena_alloc(&large.conn.arena, 10000));
	buf_text(&large.conn.out, "allowed");
	assert_true(atomic_load(&registry.flight_bytes) >= 1 << 20);
	http_conn_decided(&large.conn);
	assert_null(large.conn.body.ptr);
	assert_null(large.conn.arena.first);
	assert_memory_equal(large.conn.out.ptr, "allowed", 7);
	assert_int_equal(atomic_load(&registry.flight_bytes), 0);

	assert_int_equal(http_conn_take(&small.conn, "{}", 2), 0);
	assert_non_null(arena_alloc(&small.conn.arena, 1000));
	http_conn_decided(&small.conn);
	assert_int_equal(small.conn.body.len, 2);
	assert_non_null(small.conn.arena.first);
	pair_close(&large);
	pair_close(&small);
	http_registry_release(&registry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(phases),  cmocka_unit_test(reaping), cmocka_unit_test(stopping), cmocka_unit_test(bodies),
	    cmocka_unit_test(answers), cmocka_unit_test(waiting), cmocka_unit_test(decided)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
