/*
 * process: the standard process_* metrics that Prometheus client libraries export. A metric whose
 * value the kernel does not provide is omitted. All functions are thread-safe.
 */
#ifndef WEBHOOK_METRICS_PROCESS_H
#define WEBHOOK_METRICS_PROCESS_H

#include "webhook/metrics/metric.h"

/*
 * Returns the start time of the process in seconds since the Unix epoch, or -1 if it is unknown.
 * Call this once and keep the result: it depends on two clocks, so a second call may return a
 * slightly different value, which looks like a restart to Prometheus.
 */
double metrics_process_started(void);

extern const struct metric_set process_metrics;

/* Appends the families. `started` is a const double *, the result of metrics_process_started. */
void process_metrics_render(void *started, struct buf *out);

#endif
