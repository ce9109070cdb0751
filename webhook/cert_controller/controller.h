/*
 * controller: certificates that gpugate makes for itself. The authority is in the Secret `gpugate-ca` of gpugate's own namespace,
 * shared by all replicas; each replica's certificate and its key are in its memory only. Whom the API server is to trust is written
 * into the webhook configurations `gpugate`. Authority and certificates are renewed long before they end, and the next
 * authority signs only when the API servers have trusted it for a while: no call fails because of a renewal.
 *
 * Every replica does the same; what they write goes against the version that they read, so that it does not matter who is first.
 * Everything runs on the loop's thread, but for what says that it is thread-safe. The rules are in decide.c.
 */
#ifndef WEBHOOK_CERT_CONTROLLER_CONTROLLER_H
#define WEBHOOK_CERT_CONTROLLER_CONTROLLER_H

#include "gpugate/certs.h"
#include "webhook/base/log.h"
#include "webhook/kube/client.h"
#include "webhook/kube/event_recorder.h"
#include "webhook/metrics/metric.h"

#define CERTS_SECRET "gpugate-ca"

/* In seconds. */
struct certs_lifetimes {
	int64_t ca_s;    /* of an authority */
	int64_t leaf_s;  /* of a certificate */
	int64_t trust_s; /* how long an authority is trusted before it signs */
};

/* Options that contradict each other are told with a remedy. */
int certs_lifetimes_check(const struct certs_lifetimes *lifetimes, struct error *err);

struct kube_certs_options {
	struct kube_loop *loop; /* not started yet */
	struct kube_client *client;
	struct kube_events *events; /* may be NULL */
	const char *namespace;      /* of the Secret */
	struct certs_lifetimes lifetimes;
	const char *const *dns; /* the names of the certificates; both checked */
	size_t dns_count;
	const char *const *ips;
	size_t ip_count;
	/* Serves a new certificate and its key from now on. Borrows them during the call. Loop thread. */
	int (*deliver)(void *context, const struct buf *certificate, const struct buf *key, struct error *err);
	void *context;
	struct log *log; /* may be NULL */
};

struct kube_certs;

/* Returns new; borrows everything but the options themselves. Begins when the loop starts. */
struct kube_certs *kube_certs_create(const struct kube_certs_options *options, struct error *err);

/* A webhook configuration `gpugate` as it is now in JSON; absent: there is none. Loop thread; takes a NULL `certs`. */
void kube_certs_see(struct kube_certs *certs, bool mutating, struct str json);

/* Why admission should not be sent here; NULL: it may. Thread-safe. */
const char *kube_certs_unready(const struct kube_certs *certs);

/* The authorities as the Secret told last. Thread-safe. */
struct kube_certs_health {
	time_t expires; /* of the one that signs; 0: none does */
	unsigned next, signing, retired;
};
void kube_certs_health(const struct kube_certs *certs, struct kube_certs_health *health);

/* Delivers nothing any more; waits for a delivery under way. Thread-safe; takes NULL. */
void kube_certs_stop(struct kube_certs *certs);
void kube_certs_destroy(struct kube_certs *certs); /* after the loop has stopped; takes NULL */

extern const struct metric_set kube_certs_metrics;

/* Appends the families; `certs` is the struct kube_certs. Thread-safe. */
void kube_certs_metrics_render(void *certs, struct buf *out);

#endif
