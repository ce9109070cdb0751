/*
 * admission: counts the webhook's answers: reviews, their durations, HTTP errors, and policy
 * violations. Functions are thread-safe, except create and destroy. Counting a request takes a few
 * relaxed atomic additions; counting a policy violation takes a mutex for a short time.
 */
#ifndef WEBHOOK_METRICS_ADMISSION_H
#define WEBHOOK_METRICS_ADMISSION_H

#include "gpugate/error.h"
#include "webhook/metrics/metric.h"

enum metrics_endpoint { METRICS_MUTATE, METRICS_VALIDATE, METRICS_ENDPOINTS };

enum metrics_outcome {
	METRICS_ALLOWED, /* Allowed without a patch. */
	METRICS_PATCHED, /* Allowed with a patch. */
	METRICS_DENIED,
	METRICS_ERROR, /* No decision: the review was invalid, or memory ran out. */
	METRICS_OUTCOMES,
};

struct admission_metrics;

extern const struct metric_set admission_metrics;

/* Returns new, or NULL with an error if there is not enough memory. */
struct admission_metrics *admission_metrics_create(struct error *err);

/* No other thread may still use the metrics. Accepts NULL. */
void admission_metrics_destroy(struct admission_metrics *metrics);

/*
 * Counts one review that got a response, and the time from the end of the request body to the
 * response. Functions that count do nothing if `metrics` is NULL.
 */
void admission_metrics_request(struct admission_metrics *metrics, enum metrics_endpoint endpoint,
			       enum metrics_outcome outcome, uint64_t nanoseconds);

/* Counts an HTTP error response. Statuses outside 400 to 599 are ignored. */
void admission_metrics_rejected(struct admission_metrics *metrics, unsigned status);

/* The consequence of a policy violation, by enforcement. Each has its own counter family. */
enum metrics_violation { METRICS_DENIAL, METRICS_WARNING, METRICS_AUDIT, METRICS_VIOLATIONS };

/* Counts a policy violation; see violations.h for the bound of the series. Copies the strings. */
void admission_metrics_violation(struct admission_metrics *metrics, enum metrics_violation violation, struct str tenant,
				 struct str reason, struct str name);

/* Appends the families. `metrics` is the struct admission_metrics. */
void admission_metrics_render(void *metrics, struct buf *out);

#endif
