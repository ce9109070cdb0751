/*
 * http_conn: one open connection: its memory, reused by every request on it, and its deadline. A registry knows them all,
 * so that a watcher can cut off those that are too slow. libmicrohttpd tells of a closed connection before it closes the
 * descriptor, and the registry is locked while it cuts: it never touches a descriptor that is someone else's by now.
 */
#ifndef WEBHOOK_HTTP_CONN_H
#define WEBHOOK_HTTP_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpugate/arena.h"
#include "gpugate/buf.h"

/* Where a connection stands. From HTTP_HEADERS on, a request is in flight. */
enum http_phase {
	HTTP_HANDSHAKE, /* TLS is being agreed on */
	HTTP_FRESH,     /* nothing has been asked yet */
	HTTP_IDLE,      /* everything asked has been answered */
	HTTP_HEADERS,   /* the first line is here */
	HTTP_BODY,      /* the headers are here */
	HTTP_ANSWER,    /* the body is here */
};

struct http_limits {
	unsigned connections;
	int64_t proof_ms;     /* to have a good answer, when places are scarce */
	int64_t handshake_ms; /* bound of HTTP_HANDSHAKE */
	int64_t idle_ms;      /* bound of HTTP_FRESH and HTTP_IDLE */
	int64_t header_ms;    /* from the first line on */
	int64_t body_ms;      /* from the first line on */
	int64_t answer_ms;    /* from the end of the body on */
	size_t body_bytes;    /* of one request */
	size_t flight_bytes;  /* of all requests in flight */
	size_t padding;       /* readable zero bytes behind a body */
	size_t arena_bytes;   /* of one request */
	size_t answer_bytes;  /* of one request */
};

struct http_registry {
	struct http_limits limits;
	pthread_mutex_t mutex; /* over the list */
	struct http_conn *first;
	_Atomic unsigned count;
	_Atomic unsigned arrived; /* of all time; `count` has them before */
	_Atomic unsigned in_flight;
	_Atomic size_t flight_bytes;
};

struct http_conn {
	struct http_registry *registry;
	struct http_conn *previous, *next;
	int fd;
	int64_t opened_ms;
	_Atomic int64_t deadline_ms;
	_Atomic int phase;    /* enum http_phase */
	_Atomic bool trusted; /* a request of this connection was answered with success */

	/* What follows belongs to the connection's worker. */
	int64_t begun_ms; /* the first line of the request in flight */
	struct buf body;
	struct buf out;
	struct arena arena;
	uint64_t received; /* bytes of the body, kept or not */
	size_t charged;    /* of the registry's flight_bytes */
};

/* Milliseconds of a clock that only goes forward, a few behind at most. */
int64_t http_now_ms(void);

void http_sleep_ms(unsigned ms);

void http_registry_init(struct http_registry *registry, const struct http_limits *limits);
void http_registry_release(struct http_registry *registry); /* all connections must be closed */

/* Enters the connection into the registry, in HTTP_HANDSHAKE. Borrows `fd`. */
void http_conn_init(struct http_conn *conn, struct http_registry *registry, int fd);

/* Leaves the registry and frees the connection's memory. Must precede the close of the descriptor. */
void http_conn_release(struct http_conn *conn);

/* Sets the phase, its deadline, and counts requests in flight. */
void http_conn_enter(struct http_conn *conn, enum http_phase phase);

/* Appends to the body. Returns 0, or the HTTP status that says why the body was dropped: 413, 503. */
unsigned http_conn_take(struct http_conn *conn, const char *bytes, size_t count);

/*
 * When the answer is there: gives back what a large request has taken. Many are decided before the first of their answers is
 * sent, and what each was decided in is not counted.
 */
void http_conn_decided(struct http_conn *conn);

/* For answers that may be long: counts the answer. Returns whether it may be sent; if not, it is gone. */
bool http_conn_charge_answer(struct http_conn *conn);

/* For a request that will wait for something: counts what it keeps meanwhile. Returns whether there is room for so much. */
bool http_conn_charge_wait(struct http_conn *conn);

/* After a request: gives back what a large one has taken, keeps what the next one will need. */
void http_conn_rest(struct http_conn *conn);

/* Makes room for a request: empties body, out and arena. */
void http_conn_clear(struct http_conn *conn);

/*
 * Cuts off every connection past its deadline; when three quarters of all places are taken, also those that have proved
 * nothing within `proof_ms`. Thread-safe.
 */
void http_registry_reap(struct http_registry *registry);

/*
 * For the polite stop: closes the reading side of connections that wait for a next request, so that what has already
 * arrived is still answered. Returns how many it has left open because they are likely to ask now: they opened within the
 * last second, or were answered within the last quarter of one. Thread-safe.
 */
unsigned http_registry_close_idle(struct http_registry *registry);

#endif
