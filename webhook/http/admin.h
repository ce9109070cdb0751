/*
 * http_admin: the listener for probes, metrics and people, plain HTTP: /healthz, /readyz, /metrics, /status, /status.json. It
 * answers no admission.
 */
#ifndef WEBHOOK_HTTP_ADMIN_H
#define WEBHOOK_HTTP_ADMIN_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/base/log.h"

/* `listen` is borrowed during http_admin_create, everything else until http_admin_destroy. */
struct http_admin_options {
	const char *listen; /* see http_address_parse */
	/* Why the program is not ready, as one sentence that lives on; NULL: it is. Thread-safe. */
	const char *(*unready)(void *context);
	/* Appends the metrics in the Prometheus text format. Thread-safe. */
	void (*metrics)(void *context, struct buf *out);
	/* Appends what /status.json tells. Thread-safe. */
	void (*status)(void *context, struct buf *out);
	/* The HTML page at /status, and the Content-Security-Policy of all responses. Neither may be absent. */
	struct str page;
	const char *page_policy;
	void *context;
	struct log *log; /* may be NULL */
};

struct http_admin;

/* Opens the socket and starts two threads. Returns new; NULL with an error that says what to do. */
struct http_admin *http_admin_create(const struct http_admin_options *options, struct error *err);

/* The address with its real port. Borrowed from the listener. */
const char *http_admin_address(const struct http_admin *admin);

/* Stops and frees. Takes NULL. */
void http_admin_destroy(struct http_admin *admin);

#endif
