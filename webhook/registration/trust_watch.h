/*
 * trust_watch: whether the API server accepts the certificate that gpugate serves (trust.h), judged whenever the
 * certificate or a webhook configuration changes, and from time to time, since certificates end. Where it does not, no Pod that
 * concerns gpugate can be created: told in the log when that becomes so, and in /metrics.
 */
#ifndef WEBHOOK_REGISTRATION_TRUST_WATCH_H
#define WEBHOOK_REGISTRATION_TRUST_WATCH_H

#include "gpugate/buf.h"
#include "webhook/base/log.h"
#include "webhook/kube/loop.h"

#define TRUST_WATCH_MS 600000 /* how often it is judged without a change */

struct trust_watch;

/* Returns new; borrows the loop and the log. */
struct trust_watch *trust_watch_create(struct kube_loop *loop, struct log *log, struct error *err);
void trust_watch_destroy(struct trust_watch *watch); /* after the loop has stopped; takes NULL */

/* What a configuration is now, as JSON; absent: there is none. Loop thread. */
void trust_watch_see(struct trust_watch *watch, bool mutating, struct str json);

/* The chain that is served from now on, PEM. Copies it. Thread-safe; takes a NULL `watch`. */
void trust_watch_serve(struct trust_watch *watch, struct str chain);

/* The family of /metrics; `watch` is the struct trust_watch. What is not known is left out. */
void trust_watch_metrics(void *watch, struct buf *out);

#endif
