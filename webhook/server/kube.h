/*
 * kube: the connection of `gpugate serve` to the API server. It owns the loop, the clients, the
 * Event recorder, the certificate controller, and the watches of the webhook configurations.
 */
#ifndef WEBHOOK_SERVER_KUBE_H
#define WEBHOOK_SERVER_KUBE_H

#include "gpugate/policy.h"
#include "webhook/kube/event_recorder.h"
#include "webhook/metrics/registry.h"
#include "webhook/registration/trust_watch.h"
#include "webhook/registration/watch.h"
#include "webhook/server/names.h"
#include "webhook/server/options.h"
#include "webhook/server/target_reader.h"

struct serve_kube {
	/*
	 * NULL if no API server is used. Then all other pointers except `secret` are NULL as well.
	 */
	struct kube_config *config;
	struct kube_loop *loop;
	struct kube_client *client;
	struct kube_client *background; /* For calls that must not delay the ledger's writes. */
	struct target_reader *targets;  /* Reads what reviews of other objects are about. */
	/*
	 * NULL if there is nothing to record: the ledger is embedded and certificates are in files.
	 */
	struct kube_events *events;
	struct kube_certs *certs; /* NULL if certificates are in files. */
	struct serve_names names; /* Names in the certificates. */
	struct registration_watch *registration;
	struct trust_watch *trust;
	/* Borrowed; NULL if there is none. Set it before serve_kube_open. */
	struct path_secret *secret;
	const char *replica; /* Borrows from the options or `host`. */
	bool running;        /* The loop runs. */
	char host[256];
};

/* A callback that installs a certificate; see struct kube_certs_options. */
struct serve_delivery {
	int (*deliver)(void *context, const struct buf *certificate, const struct buf *key, struct error *err);
	void *context;
};

/*
 * Opens the connection if the cluster ledger, self-managed certificates, or --kubeconfig require
 * it; otherwise does nothing. `kube` must be zeroed except for `secret`. Nothing runs before
 * serve_kube_start. Returns 0, or -1 with an error; call serve_kube_close in either case. Borrows
 * the options, the log, and the delivery's context.
 */
int serve_kube_open(struct serve_kube *kube, const struct serve_options *options, const struct policy *policy,
		    const struct serve_delivery *delivery, struct log *log, struct metrics *metrics, struct error *err);

/* Starts the loop, if there is one. Returns 0, or -1 with an error. */
int serve_kube_start(struct serve_kube *kube, struct error *err);

/* Stops the loop. Objects that depend on it can be destroyed afterwards. */
void serve_kube_stop(struct serve_kube *kube);
void serve_kube_close(struct serve_kube *kube); /* Frees everything; accepts a zeroed struct. */

#endif
