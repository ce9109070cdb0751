/*
 * gate: the thread that accepts connections for a libmicrohttpd daemon. It passes them to the
 * daemon and once a second shuts down those that are past their deadline.
 *
 * The daemon has no listening socket of its own. In 0.9.75, MHD_quiesce_daemon, which takes the
 * socket away, races with the workers of a busy daemon and can abort the process.
 */
#ifndef WEBHOOK_HTTP_GATE_H
#define WEBHOOK_HTTP_GATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "gpugate/error.h"
#include "webhook/base/log.h"
#include "webhook/http/conn.h"

/*
 * The connection limit for each libmicrohttpd worker, which no worker ever reaches. The gate
 * enforces the real limit, because a worker of 0.9.75 that reaches its own leaves a mutex locked
 * and then deadlocks.
 */
#define HTTP_GATE_BEYOND 65536u

struct http_gate {
	struct MHD_Daemon *daemon;
	struct http_registry *registry;
	struct log *log;
	int listen_fd;   /* -1 once closed. Private to the gate's thread. */
	int wake_fd;     /* An eventfd that interrupts the thread's poll(). */
	unsigned handed; /* Connections passed to the daemon and not lost. Private to the thread. */
	pthread_t thread;
	sem_t closed; /* Posted when the listening socket has been closed on request. */
	_Atomic bool closing;
	_Atomic bool stopping;
};

/*
 * Starts the thread. Takes `listen_fd`, even on failure, and borrows the rest until http_gate_stop.
 * `log` may be NULL. Returns 0 or -1.
 */
int http_gate_start(struct http_gate *gate, int listen_fd, struct MHD_Daemon *daemon, struct http_registry *registry,
		    struct log *log, struct error *err);

/*
 * Accepts the connections that are waiting in the kernel's queue, then closes the listening socket.
 * Returns when that is done. The thread continues to enforce deadlines. Call this at most once.
 */
void http_gate_close(struct http_gate *gate);

/*
 * Stops the thread and closes the listening socket if it is open. Call this before stopping the
 * daemon.
 */
void http_gate_stop(struct http_gate *gate);

/*
 * A callback for MHD_OPTION_EXTERNAL_LOGGER, with its closure. It ignores messages that clients can
 * cause and logs at most one other message every ten seconds. Thread-safe.
 */
struct http_mutter {
	struct log *log;
	_Atomic int64_t next_ms; /* Messages before this time are dropped. */
};
void http_mutter(void *mutter, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
