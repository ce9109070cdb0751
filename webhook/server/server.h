/*
 * server: the whole server of `gpugate serve`: policy, ledger, listeners, and what they need. It is created from options,
 * runs on threads of its own, and takes no signals. The caller's thread is free.
 */
#ifndef WEBHOOK_SERVER_SERVER_H
#define WEBHOOK_SERVER_SERVER_H

#include "gpugate/error.h"
#include "webhook/server/options.h"

struct serve;

/*
 * Checks the options, opens all parts and starts them; logs "listening". Returns new; NULL with an error, after everything
 * in the log was written. An erroneous policy is reported to standard error. Borrows the options until serve_destroy.
 * SIGPIPE has to be ignored; the threads inherit the signal mask. One server per process.
 */
struct serve *serve_create(const struct serve_options *options, struct error *err);

/* Checks all watched files for changes soon, on another thread. */
void serve_reload(struct serve *serve);

/* Becomes unready, answers requests for as long as the options say, then stops listening. Blocks until then. Call once. */
void serve_drain(struct serve *serve);

/* Stops all threads and frees. Takes NULL. */
void serve_destroy(struct serve *serve);

#endif
