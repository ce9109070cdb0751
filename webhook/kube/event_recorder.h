/*
 * event_recorder: Kubernetes Events (core/v1) about the GPULedger object, in gpugate's own
 * namespace, for conditions that users should notice without reading logs.
 *
 * At most one Event per reason is posted in a minute. Further ones are combined into a single Event
 * at the end of the minute, with the last message and a count. Recording never blocks. An Event
 * that cannot be posted is counted and dropped.
 */
#ifndef WEBHOOK_KUBE_EVENT_RECORDER_H
#define WEBHOOK_KUBE_EVENT_RECORDER_H

#include "webhook/kube/client.h"
#include "webhook/metrics/metric.h"

#define KUBE_EVENTS_INTERVAL_MS 60000
#define KUBE_EVENTS_REASONS 16 /* Maximum number of different reasons. */
/* Maximum bytes of a message; the API server accepts 1024. A longer one is truncated. */
#define KUBE_EVENT_TEXT_MAX 1000

struct kube_events_options {
	struct kube_loop *loop;
	struct kube_client *client;
	const char *namespace;
	const char *replica; /* The name of the Pod. */
	int64_t interval_ms; /* KUBE_EVENTS_INTERVAL_MS, or less in tests. */
};

struct kube_events;

/* Returns new, or NULL with an error. Copies the options and borrows what they point to. */
struct kube_events *kube_events_create(const struct kube_events_options *options, struct error *err);
void kube_events_destroy(struct kube_events *events); /* After the loop has stopped; takes NULL. */

/*
 * Records an Event. `reason` is a word such as "LedgerOutage", which must stay valid; `message` is
 * copied. Thread-safe; takes a NULL `events`.
 */
void kube_events_emit(struct kube_events *events, bool warning, const char *reason, const char *message);

extern const struct metric_set kube_events_metrics;

/* Appends the families; `events` is the struct kube_events. */
void kube_events_metrics_render(void *events, struct buf *out);

#endif
