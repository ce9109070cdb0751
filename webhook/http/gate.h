/*
 * http_gate: the thread in front of a libmicrohttpd daemon. It accepts connections, hands them to the daemon, and once a
 * second cuts off those past their deadline. The daemon has no listening socket of its own, because taking one away from
 * a busy daemon (MHD_quiesce_daemon, 0.9.75) races with its workers, and the loser of that race aborts the program.
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
 * The limit of connections that each worker of libmicrohttpd is given: more than there can be. The gate is what bounds
 * them, because a worker of 0.9.75 that meets the limit leaves a mutex locked, and hangs for ever at its next step.
 */
#define HTTP_GATE_BEYOND 65536u

struct http_gate {
	struct MHD_Daemon *daemon;
	struct http_registry *registry;
	struct log *log;
	int listen_fd; /* -1 once closed; the thread's own */
	int wake_fd;
	unsigned handed; /* connections given to the daemon that have arrived or will; the thread's own */
	pthread_t thread;
	sem_t closed;
	_Atomic bool closing;
	_Atomic bool stopping;
};

/* Starts the thread. Takes `listen_fd`, also on failure; borrows the rest. */
int http_gate_start(struct http_gate *gate, int listen_fd, struct MHD_Daemon *daemon, struct http_registry *registry,
		    struct log *log, struct error *err);

/* Accepts what is waiting, then closes the listening socket and returns. Deadlines are still watched. */
void http_gate_close(struct http_gate *gate);

/* Ends the thread. The daemon must be stopped after this, not before. */
void http_gate_stop(struct http_gate *gate);

/* What libmicrohttpd has to say, for MHD_OPTION_EXTERNAL_LOGGER; clients' mistakes are left out, the rest is rationed. */
struct http_mutter {
	struct log *log;
	_Atomic int64_t next_ms;
};
void http_mutter(void *mutter, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
