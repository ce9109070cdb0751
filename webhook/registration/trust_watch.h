/*
 * trust_watch: keeps checking whether the API server accepts gpugate's serving certificate
 * (trust.h). It checks when the certificate or a webhook configuration changes, and periodically,
 * because certificates expire.
 *
 * If the certificate is not accepted, every call of the webhook fails. Then the failurePolicy
 * decides: Pods are refused or go unchecked. The state is shown in /metrics, and a change is
 * logged.
 */
#ifndef WEBHOOK_REGISTRATION_TRUST_WATCH_H
#define WEBHOOK_REGISTRATION_TRUST_WATCH_H

#include "gpugate/buf.h"
#include "webhook/base/log.h"
#include "webhook/kube/loop.h"
#include "webhook/metrics/metric.h"

#define TRUST_WATCH_MS 600000 /* Interval of the periodic check. */

struct trust_watch;

/* Returns new; borrows the loop and the log. */
struct trust_watch *trust_watch_create(struct kube_loop *loop, struct log *log, struct error *err);

/* Call it after the loop has stopped. Accepts NULL. */
void trust_watch_destroy(struct trust_watch *watch);

/* Sets the current configuration, as JSON; absent if there is none. Copies it. Loop thread. */
void trust_watch_see(struct trust_watch *watch, bool mutating, struct str json);

/*
 * Sets the certificate chain (PEM) that is served from now on. Copies it. Thread-safe; accepts a
 * NULL `watch`.
 */
void trust_watch_serve(struct trust_watch *watch, struct str chain);

extern const struct metric_set trust_watch_metrics;

/*
 * Appends the metric family. `watch` is the struct trust_watch. A configuration whose state is
 * unknown is left out. Thread-safe.
 */
void trust_watch_metrics_render(void *watch, struct buf *out);

#endif
