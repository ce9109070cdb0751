/*
 * conn: an open connection, with its deadline and with buffers that its requests reuse. A registry
 * lists all connections so that another thread can shut down those that are too slow.
 *
 * Shutting down a descriptor is safe. libmicrohttpd reports a closed connection before it closes
 * the descriptor, and http_conn_release waits for the registry's mutex. A listed descriptor
 * therefore cannot have been reused for another file.
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

/* State of a connection. From HTTP_HEADERS on, a request is in flight. */
enum http_phase {
	HTTP_HANDSHAKE, /* The TLS handshake is not complete. */
	HTTP_FRESH,     /* No request has arrived yet. */
	HTTP_IDLE,      /* The last request is complete. */
	HTTP_HEADERS,   /* The request line has arrived. */
	HTTP_BODY,      /* The headers have arrived. */
	HTTP_ANSWER,    /* The whole body has arrived, or the request was refused without it. */
};

struct http_limits {
	unsigned connections; /* Maximum number of open connections. */

	/* Timeouts, in milliseconds. */
	/* From opening to the first successful response, when connections are scarce. */
	int64_t proof_ms;
	int64_t handshake_ms; /* For HTTP_HANDSHAKE. */
	int64_t idle_ms;      /* For HTTP_FRESH and HTTP_IDLE. */
	int64_t header_ms;    /* From the request line to the end of the headers. */
	int64_t body_ms;      /* From the request line to the end of the body. */
	int64_t answer_ms;    /* From the end of the body to the end of the response. */

	/* Sizes, in bytes. They are maxima per request, except where noted. */
	size_t body_bytes;
	size_t flight_bytes; /* Maximum for the large buffers of all requests together. */
	size_t padding;      /* Room reserved after each body. */
	size_t arena_bytes;
	size_t answer_bytes;
};

struct http_registry {
	struct http_limits limits;
	pthread_mutex_t mutex; /* Protects the list of connections. */
	struct http_conn *first;
	_Atomic unsigned count;      /* Open connections. */
	_Atomic unsigned arrived;    /* All since the start, modulo 2^32. Raised after `count`. */
	_Atomic unsigned in_flight;  /* Connections with a request in flight. */
	_Atomic size_t flight_bytes; /* The sum of `charged` over all connections. */
};

struct http_conn {
	struct http_registry *registry;
	struct http_conn *previous, *next;
	int fd;
	int64_t opened_ms;
	_Atomic int64_t deadline_ms;
	_Atomic int phase;    /* enum http_phase */
	_Atomic bool trusted; /* A request on this connection has succeeded. */

	/* Private to the connection's worker thread. */
	int64_t begun_ms; /* When the request line of the request in flight arrived. */
	struct buf body;
	struct buf out; /* The response body. */
	struct arena arena;
	uint64_t received; /* Body bytes received, including discarded ones. */
	size_t charged;    /* Bytes of this connection in the registry's flight_bytes. */
};

/*
 * Returns CLOCK_MONOTONIC_COARSE in milliseconds, which lags CLOCK_MONOTONIC by a few milliseconds.
 * Thread-safe.
 */
int64_t http_now_ms(void);

/* Sleeps for the whole time, even if signals interrupt it. */
void http_sleep_ms(unsigned ms);

void http_registry_init(struct http_registry *registry, const struct http_limits *limits);

/* All connections must have been released. */
void http_registry_release(struct http_registry *registry);

/*
 * Initializes a connection in HTTP_HANDSHAKE and adds it to the registry. Borrows `fd` and the
 * registry. From then on, only the connection's worker thread may call http_conn_ functions for it.
 */
void http_conn_init(struct http_conn *conn, struct http_registry *registry, int fd);

/*
 * Removes the connection from the registry and frees its buffers. Call this before closing the
 * descriptor.
 */
void http_conn_release(struct http_conn *conn);

/* Sets the phase and its deadline, and updates the registry's in_flight. */
void http_conn_enter(struct http_conn *conn, enum http_phase phase);

/*
 * Appends to the body. Returns 0, or the HTTP status for the response after discarding the body:
 * 413 if it is too long, or 503 if memory is exhausted or too many bytes are in flight.
 */
unsigned http_conn_take(struct http_conn *conn, const char *bytes, size_t count);

/*
 * Frees the body and the arena of a large request as soon as `out` holds the whole response. Many
 * requests may be decided before the first response is sent, and flight_bytes does not count arenas
 * unless the request waits.
 */
void http_conn_decided(struct http_conn *conn);

/*
 * Adds a large response to flight_bytes. Returns false if that exceeds the limit; the response is
 * then freed.
 */
bool http_conn_charge_answer(struct http_conn *conn);

/*
 * Adds the body and the arena of a request that is about to wait to flight_bytes. Returns false if
 * that exceeds the limit.
 */
bool http_conn_charge_wait(struct http_conn *conn);

/* Cleans up after a request. Frees large buffers and keeps small ones for the next request. */
void http_conn_rest(struct http_conn *conn);

/* Empties body, response and arena for the next request, but keeps their memory. */
void http_conn_clear(struct http_conn *conn);

/*
 * Shuts down every connection that is past its deadline. When more than three quarters of the
 * allowed connections are open, it also shuts down those that have been open for longer than
 * `proof_ms` without a successful response, unless they wait for a response. Thread-safe.
 */
void http_registry_reap(struct http_registry *registry);

/*
 * For graceful shutdown: closes the receiving side of idle connections, so that requests that have
 * already arrived still get a response. Connections that opened within the last second without a
 * request, or whose last response ended within the last 250 ms, stay open because a request is
 * likely. Returns their number. Thread-safe.
 */
unsigned http_registry_close_idle(struct http_registry *registry);

#endif
