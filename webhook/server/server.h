/*
 * server: the whole server of `gpugate serve`: policy, ledger, listeners, and what they need. It is
 * created from options, runs on its own threads, and handles no signals. The caller's thread
 * remains free.
 */
#ifndef WEBHOOK_SERVER_SERVER_H
#define WEBHOOK_SERVER_SERVER_H

#include "gpugate/error.h"
#include "webhook/server/options.h"

struct serve;

/*
 * Checks the options, opens and starts all parts, and logs "listening". Returns new, or NULL with
 * an error, once the log has been written out. Errors in the policy are reported on standard error.
 * Borrows the options until serve_destroy. The caller must have ignored SIGPIPE; the threads
 * inherit its signal mask. One server per process.
 */
struct serve *serve_create(const struct serve_options *options, struct error *err);

/* Checks all watched files for changes soon, on another thread. */
void serve_reload(struct serve *serve);

/*
 * Makes the server unready, answers requests for as long as the options say, then stops listening.
 * Blocks until then. Call once.
 */
void serve_drain(struct serve *serve);

/* Stops all threads and frees. Takes NULL. */
void serve_destroy(struct serve *serve);

#endif
