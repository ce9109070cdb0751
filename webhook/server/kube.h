/* serve_kube: the API server, as `gpugate serve` knows it: the loop, the client, Events, and what is registered. */
#ifndef WEBHOOK_SERVER_KUBE_H
#define WEBHOOK_SERVER_KUBE_H

#include "webhook/kube/event_recorder.h"
#include "webhook/metrics/registry.h"
#include "webhook/registration/trust_watch.h"
#include "webhook/registration/watch.h"
#include "webhook/server/names.h"
#include "webhook/server/options.h"

struct serve_kube {
	struct kube_config *config; /* NULL: gpugate was not told of an API server, and the rest is NULL, too */
	struct kube_loop *loop;
	struct kube_client *client;
	struct kube_client *background; /* for what the writes of the ledger must not wait for */
	struct kube_events
	    *events;              /* NULL when there is nothing to tell: an embedded ledger and certificates in files */
	struct kube_certs *certs; /* NULL: certificates are in files */
	struct serve_names names; /* of the certificates */
	struct registration_watch *registration;
	struct trust_watch *trust;
	struct path_secret *secret; /* borrowed; set before serve_kube_open; NULL: none */
	const char *replica;        /* in options or `host` */
	bool running;               /* the loop */
	char host[256];
};

/* What serves a certificate that gpugate has made; see struct kube_certs_options. */
struct serve_delivery {
	int (*deliver)(void *context, const struct buf *certificate, const struct buf *key, struct error *err);
	void *context;
};

/*
 * With the cluster ledger, self-managed certificates, or a --kubeconfig. `kube` is zeroed before. Nothing runs, and nothing is
 * delivered, before serve_kube_start.
 */
int serve_kube_open(struct serve_kube *kube, const struct serve_options *options, const struct policy *policy,
		    const struct serve_delivery *delivery, struct log *log, struct metrics *metrics, struct error *err);
int serve_kube_start(struct serve_kube *kube, struct error *err);

/* What hangs on the loop can be freed then. */
void serve_kube_stop(struct serve_kube *kube);
void serve_kube_close(struct serve_kube *kube); /* takes a zeroed one, too */

#endif
