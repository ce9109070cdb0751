/*
 * http_server: the admission listener. TLS 1.2 and 1.3 (GnuTLS), HTTP/1.1, a pool of worker threads (libmicrohttpd). It
 * knows nothing of admission: whole bodies go to a callback, whose answer goes out. Everything that a client can do
 * wrong or too slowly ends here.
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

#define HTTP_BODY_PADDING 64         /* readable zero bytes behind every body */
#define HTTP_BODY_MAX (8u << 20)     /* bytes of one body */
#define HTTP_FLIGHT_MAX (256u << 20) /* bytes of all the bodies that are being received or decided */

/* One request that is to be answered. The server's; it and all it points to live until it has been answered. */
struct http_ask {
	enum http_endpoint endpoint;
	struct str body; /* not empty, followed by HTTP_BODY_PADDING readable zero bytes */
	int64_t
	    deadline_ms; /* when the client gives up, by CLOCK_MONOTONIC: its first line's arrival + its `timeout` */
	struct arena *arena; /* this request's, empty */
	struct buf *out;     /* the same */
};

#define HTTP_LATER 0

/*
 * Answers one request. Returns the HTTP status, with the answer in ask->out (JSON for 200, one plain sentence otherwise);
 * or HTTP_LATER after http_ask_suspend: then somebody calls http_ask_answer, once, at any time and on any thread, even
 * before this has returned. Called on any worker thread; must not block: other connections wait for the same worker.
 */
typedef unsigned http_answer_fn(void *context, struct http_ask *ask);

/*
 * To be called by the answer function, before the ask is handed to another thread. From now on the server leaves the
 * client alone: whether it is still there shows only when the ask is answered, and ask->deadline_ms is for the ask's new
 * owner to keep. A client that has waited for 35 seconds since its body came is cut off; the ask lives on all the same.
 */
void http_ask_suspend(struct http_ask *ask);

/*
 * To be asked before that: counts what the ask keeps while it waits, body and arena, among the bodies in flight. False: too much
 * waits already, and the answer is a 503.
 */
bool http_ask_may_wait(struct http_ask *ask);

/*
 * Answers a suspended ask: ask->out holds the answer. The ask must not be touched afterwards. When the client is gone, the
 * answer is dropped. Takes microseconds. Thread-safe.
 */
void http_ask_answer(struct http_ask *ask, unsigned status);

/* Everything is borrowed during http_server_create, but for `log`, the path secret and the two contexts, which stay in use. 0: the default. */
struct http_options {
	const char *listen;    /* see http_address_parse */
	const char *cert_file; /* PEM, the server's certificate first, then the chain; NULL: see http_server_exchange */
	const char *key_file;  /* PEM, PKCS#8 or the older forms, not encrypted; NULL: the same */
	const char *client_ca_file; /* PEM; NULL: no client certificates */
	const char *const
	    *client_names; /* a client's CN or DNS name must be one of them; none: any of that CA will do */
	size_t client_name_count;
	struct path_secret *path_secret; /* NULL: none */

	unsigned threads;                 /* workers; default: the CPUs of this process, at most 8 */
	unsigned connections;             /* at once; default 1024 */
	unsigned connections_per_address; /* at once; default three quarters of `connections` */
	unsigned handshake_ms;            /* from accept to the end of the TLS handshake; default 10,000 */
	unsigned header_ms;               /* from the first line to the end of the headers; default 10,000 */
	unsigned body_ms;                 /* from the first line to the end of the body; default 10,000 */
	unsigned idle_ms; /* between two requests; default 120,000: Kubernetes' clients give up at 90,000 */

	http_answer_fn *answer;
	void *answer_context;
	void (*rejected)(void *context,
			 unsigned status); /* counts an answer of 400 or above; may be NULL; thread-safe */
	void *rejected_context;
	struct log *log; /* may be NULL */
};

struct http_server;

/*
 * Opens the socket, loads the certificates, starts the threads. Returns new; NULL with an error that says what to do.
 * SIGPIPE has to be ignored by the program. The threads block all signals.
 */
struct http_server *http_server_create(const struct http_options *options, struct error *err);

/* The address with its real port, such as "127.0.0.1:43211". Borrowed from the server. */
const char *http_server_address(const struct http_server *server);

/*
 * Reads certificate, key and client CA again. Handshakes from now on use the new ones; those under way finish with the
 * old; what clients' certificates are worth is judged anew. The pair and the CA are taken independently: what cannot be
 * used keeps its old version, and -1 says why. Not to be called by two threads at once; otherwise thread-safe.
 */
int http_server_reload_tls(struct http_server *server, struct error *err);

/*
 * Serves a pair from memory from now on, PEM: handshakes as above. Without files, none succeeds before. -1: it cannot be used,
 * the old one stays. Thread-safe, as long as the server lives.
 */
int http_server_exchange(struct http_server *server, const struct buf *certificate, const struct buf *key,
			 struct error *err);

/* Appends the certificate in force and the rest of its chain, PEM; nothing where there is none yet. Thread-safe. */
void http_server_certificate(const struct http_server *server, struct buf *pem);

/* When the certificate (or one of its chain) ends; 0: there is none yet. Thread-safe. */
time_t http_server_certificate_expiry(const struct http_server *server);

/* When it began to be valid. Thread-safe. */
time_t http_server_certificate_begin(const struct http_server *server);

/* For gauges. Thread-safe. */
unsigned http_server_connections(const struct http_server *server);
unsigned http_server_in_flight(const struct http_server *server);

/*
 * The polite stop: for `seconds` everything is accepted and answered, each answer with `Connection: close`; then the
 * socket closes, idle connections are closed, and what has been asked is answered, at once or later (at most 35 seconds
 * more). Blocks for all that time. To be called once, before http_server_destroy. Readiness must fail before.
 */
void http_server_drain(struct http_server *server, unsigned seconds);

/*
 * Stops at once what still runs, and frees. Takes NULL. Whoever owns suspended asks must have answered all of them
 * before, and suspend none any more; the workers still run, so that these answers arrive. What is suspended all the same
 * is answered with 503 here: an answer of its owner's would come too late, for memory that is freed.
 */
void http_server_destroy(struct http_server *server);

#endif
