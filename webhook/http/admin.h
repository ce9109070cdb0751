/*
 * admin: the plain HTTP listener for probes, metrics and the status page: /healthz, /readyz,
 * /metrics, /status and /status.json. It does not accept admission reviews.
 */
#ifndef WEBHOOK_HTTP_ADMIN_H
#define WEBHOOK_HTTP_ADMIN_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/base/log.h"

/* `listen` is borrowed during http_admin_create, everything else until http_admin_destroy. */
struct http_admin_options {
	const char *listen; /* See http_address_parse. */

	/*
	 * Returns one sentence that says why the server is not ready, or NULL if it is ready. The
	 * caller never frees it.
	 */
	const char *(*unready)(void *context);

	/* Appends the metrics in the Prometheus text format. */
	void (*metrics)(void *context, struct buf *out);

	/* Appends the body of /status.json. */
	void (*status)(void *context, struct buf *out);
	/* The HTML page at /status, and the Content-Security-Policy of all responses. Required. */
	struct str page;
	const char *page_policy;
	void *context;
	struct log *log; /* May be NULL. */
};

struct http_admin;

/*
 * Opens the socket and starts two threads. Returns new, or NULL with an error that says what to do.
 */
struct http_admin *http_admin_create(const struct http_admin_options *options, struct error *err);

/*
 * Returns the bound address, with the port that the kernel chose for port 0. Borrowed from the
 * listener.
 */
const char *http_admin_address(const struct http_admin *admin);

/* Stops the threads, closes all connections and frees the listener. Takes NULL. */
void http_admin_destroy(struct http_admin *admin);

#endif
