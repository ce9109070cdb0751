/*
 * controller: certificates that gpugate issues for itself.
 *
 * The authority is in the Secret `gpugate-ca` of gpugate's own namespace, and shared by all
 * replicas. Each replica keeps its certificate and key only in memory. gpugate writes what the API
 * server must trust into the webhook configurations named `gpugate`. Authorities and certificates
 * are renewed long before they expire. A new authority signs only after the API servers have
 * trusted it for a while, so that no call fails because of a renewal.
 *
 * All replicas do the same. They write against the version that they have read, so that it does not
 * matter which of them is first. Everything runs on the loop's thread, except for functions that
 * are documented as thread-safe. The rules are in decide.c.
 */
#ifndef WEBHOOK_CERT_CONTROLLER_CONTROLLER_H
#define WEBHOOK_CERT_CONTROLLER_CONTROLLER_H

#include "gpugate/certs.h"
#include "webhook/base/log.h"
#include "webhook/base/object_names.h"
#include "webhook/kube/client.h"
#include "webhook/kube/event_recorder.h"
#include "webhook/metrics/metric.h"

/* In seconds. */
struct certs_lifetimes {
	int64_t ca_s;    /* Lifetime of an authority. */
	int64_t leaf_s;  /* Lifetime of a certificate. */
	int64_t trust_s; /* How long an authority must be trusted before it signs. */
};

/* Checks that the lifetimes fit together. Returns 0, or -1 with an error that names a remedy. */
int certs_lifetimes_check(const struct certs_lifetimes *lifetimes, struct error *err);

struct kube_certs_options {
	struct kube_loop *loop; /* Not started yet. */
	struct kube_client *client;
	struct kube_events *events; /* May be NULL. */
	const char *namespace;      /* Namespace of the Secret. */
	struct certs_lifetimes lifetimes;
	const char *const *dns; /* Names and addresses for the certificates; already validated. */
	size_t dns_count;
	const char *const *ips;
	size_t ip_count;
	/*
	 * Serves a new certificate and its key from now on. Borrows them during the call. Returns
	 * 0, or -1 with an error. Called on the loop's thread.
	 */
	int (*deliver)(void *context, const struct buf *certificate, const struct buf *key, struct error *err);
	void *context;
	struct log *log; /* May be NULL. */
};

struct kube_certs;

/*
 * Returns new, or NULL with an error. Copies the options and borrows what they point to. Starts to
 * work when the loop starts.
 */
struct kube_certs *kube_certs_create(const struct kube_certs_options *options, struct error *err);

/*
 * Reports the current JSON of a webhook configuration named `gpugate`; absent: it does not exist.
 * Loop thread; takes a NULL `certs`.
 */
void kube_certs_see(struct kube_certs *certs, bool mutating, struct str json);

/* Returns why admission must not be sent to this replica; NULL: it may. Thread-safe. */
const char *kube_certs_unready(const struct kube_certs *certs);

/* The authorities in the Secret when it was last read. kube_certs_health is thread-safe. */
struct kube_certs_health {
	time_t expires; /* End of the one that signs; 0: none signs. */
	unsigned next, signing, retired;
};
void kube_certs_health(const struct kube_certs *certs, struct kube_certs_health *health);

/*
 * Prevents further calls of `deliver`, and waits for one that is running. Thread-safe; takes NULL.
 */
void kube_certs_stop(struct kube_certs *certs);
void kube_certs_destroy(struct kube_certs *certs); /* After the loop has stopped; takes NULL. */

extern const struct metric_set kube_certs_metrics;

/* Appends the families; `certs` is the struct kube_certs. Thread-safe. */
void kube_certs_metrics_render(void *certs, struct buf *out);

#endif
