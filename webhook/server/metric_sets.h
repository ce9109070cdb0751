/*
 * metric_sets: all metrics of the program, in the order in which /metrics and the reference page
 * show them. A set that is not in this list cannot be attached.
 */
#ifndef WEBHOOK_SERVER_METRIC_SETS_H
#define WEBHOOK_SERVER_METRIC_SETS_H

#include "webhook/metrics/metric.h"

extern const struct metric_set *const serve_metric_sets[];
extern const size_t serve_metric_set_count;

#endif
