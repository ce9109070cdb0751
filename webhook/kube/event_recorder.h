/*
 * event_recorder: Kubernetes Events (core/v1) for what people should hear of without reading logs: in gpugate's own namespace, about the
 * GPULedger object. One for each reason in a minute at most: what happens meanwhile is told when the minute is over, by the
 * last of it and a count. Telling never blocks; what cannot be posted is counted and forgotten.
 */
#ifndef WEBHOOK_KUBE_EVENT_RECORDER_H
#define WEBHOOK_KUBE_EVENT_RECORDER_H

#include "webhook/kube/client.h"
#include "webhook/metrics/metric.h"

#define KUBE_EVENTS_INTERVAL_MS 60000
#define KUBE_EVENTS_REASONS 16   /* different ones */
#define KUBE_EVENT_TEXT_MAX 1000 /* bytes of a message; the API server takes 1024. What is longer is cut */

struct kube_events_options {
	struct kube_loop *loop;
	struct kube_client *client;
	const char *namespace;
	const char *replica; /* the Pod's name */
	int64_t interval_ms; /* KUBE_EVENTS_INTERVAL_MS, or less in tests */
};

struct kube_events;

/* Returns new. Borrows everything but the options themselves. */
struct kube_events *kube_events_create(const struct kube_events_options *options, struct error *err);
void kube_events_destroy(struct kube_events *events); /* after the loop has stopped; takes NULL */

/* Tells. `reason` lives on and is a word such as "LedgerOutage"; `message` is copied. Thread-safe; takes a NULL `events`. */
void kube_events_tell(struct kube_events *events, bool warning, const char *reason, const char *message);

extern const struct metric_set kube_events_metrics;

/* Appends the families; `events` is the struct kube_events. */
void kube_events_metrics_render(void *events, struct buf *out);

#endif
