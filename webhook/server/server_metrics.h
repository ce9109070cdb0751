/* server_metrics: metrics of the admission listener, of its certificate, and of the log. */
#ifndef WEBHOOK_SERVER_SERVER_METRICS_H
#define WEBHOOK_SERVER_SERVER_METRICS_H

#include <stdatomic.h>

#include "webhook/base/log.h"
#include "webhook/http/server.h"
#include "webhook/metrics/metric.h"

struct server_metrics_sources {
	struct http_server *server;            /* Borrowed. */
	struct log *log;                       /* Borrowed. */
	_Atomic uint64_t certificate_failures; /* Reloads that kept the old certificate. */
};

extern const struct metric_set server_metrics;

/* Appends the families. `sources` is a struct server_metrics_sources. Thread-safe. */
void server_metrics_render(void *sources, struct buf *out);

#endif
