/*
 * server: the listener for admission reviews, with TLS 1.2 and 1.3 (GnuTLS), HTTP/1.1 and a pool of
 * worker threads (libmicrohttpd). It does not interpret reviews: it passes each complete body to a
 * callback and sends its response. It handles all protocol errors and slow clients itself.
 */
#ifndef WEBHOOK_HTTP_SERVER_H
#define WEBHOOK_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/str.h"
#include "webhook/base/log.h"
#include "webhook/http/route.h"

#define HTTP_BODY_PADDING 64         /* Readable zero bytes after every body. */
#define HTTP_BODY_MAX (8u << 20)     /* Maximum size of one body, in bytes. */
#define HTTP_FLIGHT_MAX (256u << 20) /* Maximum for the large buffers of all requests, in bytes. */

/*
 * A request to be answered. Belongs to the server; it and everything that it points to stay valid
 * until it has been answered.
 */
struct http_request {
	enum http_endpoint endpoint;
	struct str body;     /* Not empty, and followed by HTTP_BODY_PADDING readable zero bytes. */
	int64_t deadline_ms; /* When the request line arrived plus `timeout`, on CLOCK_MONOTONIC. */
	struct arena *arena; /* For use by the answer function. Initially empty. */
	struct buf *out;     /* Receives the response body. Initially empty. */
};

/* The result of an http_answer_fn that has suspended the request. */
#define HTTP_LATER 0

/*
 * Answers one request. Returns the HTTP status, with the body of the response in request->out: JSON
 * for status 200, or else one plain sentence. Returns HTTP_LATER if it has called
 * http_request_suspend; http_request_respond must then be called once, on any thread, possibly
 * before this function returns.
 *
 * Called on any worker thread. It must not block, because other connections wait for the same
 * worker.
 */
typedef unsigned http_answer_fn(void *context, struct http_request *request);

/*
 * Suspends the request. Only the answer function may call this, before it passes the request to
 * another thread. The server then does not monitor the client: the new owner must enforce
 * request->deadline_ms, and a closed connection is noticed only on http_request_respond. The server
 * shuts the connection down 35 seconds after the end of the body, but the request stays valid.
 */
void http_request_suspend(struct http_request *request);

/*
 * Call this before http_request_suspend. Adds the request's body and arena to the memory in flight.
 * Returns false if the limit is exceeded; the answer function must then return 503.
 */
bool http_request_may_wait(struct http_request *request);

/*
 * Sends request->out as the response to a suspended request. The caller must not use the request
 * afterwards. If the client has disconnected, the response is discarded. Does not block.
 * Thread-safe.
 */
void http_request_respond(struct http_request *request, unsigned status);

/*
 * http_server_create borrows all members during the call, and `log`, `path_secret` and both
 * contexts until http_server_destroy. A number that is 0 means the default.
 */
struct http_options {
	const char *listen;         /* See http_address_parse. */
	const char *cert_file;      /* PEM, with the chain. NULL: see http_server_exchange. */
	const char *key_file;       /* PEM, not encrypted. NULL if cert_file is NULL. */
	const char *client_ca_file; /* PEM. NULL: do not request client certificates. */

	/*
	 * A client certificate must have one of these as a common name or DNS name. If there are
	 * none, any certificate of the client CA is accepted.
	 */
	const char *const *client_names;
	size_t client_name_count;
	struct path_secret *path_secret; /* NULL if paths need no secret. */

	unsigned threads;                 /* Default: the available CPUs, at most 8. */
	unsigned connections;             /* Maximum open connections. Default: 1024. */
	unsigned connections_per_address; /* Per client address. Default: 3/4 of `connections`. */

	/* Timeouts, in milliseconds. */
	unsigned handshake_ms; /* From accepting to the end of the handshake. Default: 10,000. */
	unsigned header_ms;    /* From the request line to the last header. Default: 10,000. */
	unsigned body_ms;      /* From the request line to the end of the body. Default: 10,000. */

	/*
	 * Maximum time without a request. Default: 120,000, because Kubernetes' clients close idle
	 * connections after 90,000.
	 */
	unsigned idle_ms;

	http_answer_fn *answer;
	void *answer_context;

	/*
	 * Called for each response with a status of 400 or above. May be NULL. Must be thread-safe.
	 */
	void (*rejected)(void *context, unsigned status);
	void *rejected_context;
	struct log *log; /* May be NULL. */
};

struct http_server;

/*
 * Loads the certificates, opens the socket and starts the threads. Returns new, or NULL with an
 * error that says what to do. The process must ignore SIGPIPE. The threads block all signals.
 */
struct http_server *http_server_create(const struct http_options *options, struct error *err);

/*
 * Returns the bound address with its actual port, such as "127.0.0.1:43211". Borrowed from the
 * server.
 */
const char *http_server_address(const struct http_server *server);

/*
 * Reloads the certificate, the key and the client CA from their files. New handshakes use the new
 * certificate; handshakes in progress finish with the old one. Client certificates are verified
 * again with the next request.
 *
 * The pair of certificate and key and the client CA are replaced independently. If one cannot be
 * used, its old version stays in use, and the result is -1 with an error. Thread-safe, except that
 * two threads must not call this at the same time.
 */
int http_server_reload_tls(struct http_server *server, struct error *err);

/*
 * Replaces the certificate and key with a PEM pair from memory. Copies what it needs. New
 * handshakes use the new pair. If the server was created without files, handshakes fail until the
 * first call. Returns 0, or -1 with an error if the pair cannot be used; the old one then stays in
 * use. Thread-safe.
 */
int http_server_exchange(struct http_server *server, const struct buf *certificate, const struct buf *key,
			 struct error *err);

/*
 * Appends the current certificate and the rest of its chain in PEM, or nothing if there is none
 * yet. Thread-safe.
 */
void http_server_certificate(const struct http_server *server, struct buf *pem);

/*
 * Returns the earliest expiry in the current chain, or 0 if there is no certificate yet.
 * Thread-safe.
 */
time_t http_server_certificate_expiry(const struct http_server *server);

/*
 * Returns the time from which the current certificate is valid, or 0 if there is none yet.
 * Thread-safe.
 */
time_t http_server_certificate_begin(const struct http_server *server);

/* Return the number of open connections and of requests in flight, for metrics. Thread-safe. */
unsigned http_server_connections(const struct http_server *server);
unsigned http_server_in_flight(const struct http_server *server);

/*
 * Shuts down gracefully, and blocks meanwhile. For `seconds`, the server still accepts connections
 * and requests, but every response carries `Connection: close`. It then closes the listening socket
 * and idle connections, and waits up to 35 seconds for the requests in flight.
 *
 * Call this at most once, before http_server_destroy, and only after the readiness probe has begun
 * to fail.
 */
void http_server_drain(struct http_server *server, unsigned seconds);

/*
 * Stops the server and frees it. Takes NULL. The owners of suspended requests must already be
 * stopping: they have up to one second to answer them, and then this function answers the rest with
 * 503. An owner that calls http_request_respond later uses freed memory.
 */
void http_server_destroy(struct http_server *server);

#endif
