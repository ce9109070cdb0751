#include "webhook/server/kube.h"

#include <unistd.h>

/* Concurrent calls of the background client, out of the 32 connections of the loop. */
#define BACKGROUND_MAX 8

/* The default is the host name: in a Pod it is the Pod's name, which distinguishes replicas. */
static const char *replica_name(const struct serve_options *options, char host[static 256])
{
	if (options->replica)
		return options->replica;
	if (gethostname(host, 256) != 0)
		return "gpugate";
	host[255] = '\0';
	return host;
}

static int open_events(struct serve_kube *kube, struct metrics *metrics, struct error *err)
{
	const struct kube_events_options how = {.loop = kube->loop,
						.client = kube->client,
						.namespace = kube_config_namespace(kube->config),
						.replica = kube->replica,
						.interval_ms = KUBE_EVENTS_INTERVAL_MS};
	kube->events = kube_events_create(&how, err);
	return kube->events
		   ? metrics_attach(metrics, &kube_events_metrics, kube_events_metrics_render, kube->events, err)
		   : -1;
}

static int open_certs(struct serve_kube *kube, const struct serve_options *options,
		      const struct serve_delivery *delivery, struct log *log, struct metrics *metrics,
		      struct error *err)
{
	const char *namespace = kube_config_namespace(kube->config);
	if (serve_names_fill(&kube->names, options, namespace, err) < 0)
		return -1;
	const struct kube_certs_options how = {.loop = kube->loop,
					       .client = kube->client,
					       .events = kube->events,
					       .namespace = namespace,
					       .lifetimes = serve_options_lifetimes(options),
					       .dns = kube->names.dns,
					       .dns_count = kube->names.dns_count,
					       .ips = kube->names.ips,
					       .ip_count = kube->names.ip_count,
					       .deliver = delivery->deliver,
					       .context = delivery->context,
					       .log = log};
	kube->certs = kube_certs_create(&how, err);
	return kube->certs ? metrics_attach(metrics, &kube_certs_metrics, kube_certs_metrics_render, kube->certs, err)
			   : -1;
}

static void on_seen(void *context, bool mutating, struct str json)
{
	struct serve_kube *kube = context;
	kube_certs_see(kube->certs, mutating, json);
	trust_watch_see(kube->trust, mutating, json);
}

static int open_registration(struct serve_kube *kube, const struct serve_options *options, const struct policy *policy,
			     struct log *log, struct metrics *metrics, struct error *err)
{
	const struct registration_watch_options how = {
	    .loop = kube->loop,
	    .client = kube->client,
	    .registration = {.policy = policy,
			     .namespace = kube_config_namespace(kube->config),
			     .cluster = options->ledger == LEDGER_KIND_CLUSTER,
			     .secret = kube->secret,
			     .quota_failure = serve_failure(options->quota_failure),
			     .guard_failure = serve_failure(options->guard_failure)},
	    .log = log,
	    .seen = on_seen,
	    .context = kube,
	};
	kube->trust = trust_watch_create(kube->loop, log, err);
	if (!kube->trust ||
	    metrics_attach(metrics, &trust_watch_metrics, trust_watch_metrics_render, kube->trust, err) < 0)
		return -1;
	kube->registration = registration_watch_create(&how, err);
	return kube->registration ? metrics_attach(metrics, &registration_watch_metrics,
						   registration_watch_metrics_render, kube->registration, err)
				  : -1;
}

int serve_kube_open(struct serve_kube *kube, const struct serve_options *options, const struct policy *policy,
		    const struct serve_delivery *delivery, struct log *log, struct metrics *metrics, struct error *err)
{
	bool cluster = options->ledger == LEDGER_KIND_CLUSTER;
	bool self_managed = options->certs == CERTS_KIND_SELF_MANAGED;
	if (!cluster && !self_managed && !options->kubeconfig)
		return 0;
	kube->replica = replica_name(options, kube->host);
	kube->config = kube_config_load(options->kubeconfig, err);
	kube->loop = kube->config ? kube_loop_create(err) : NULL;
	kube->client = kube->loop ? kube_client_create(kube->loop, kube->config, err) : NULL;
	kube->background = kube->client ? kube_client_create(kube->loop, kube->config, err) : NULL;
	if (kube->background)
		kube_client_bound(kube->background, BACKGROUND_MAX);
	kube->targets = kube->background ? target_reader_create(kube->loop, kube->config, log, err) : NULL;
	if (!kube->targets || ((cluster || self_managed) && open_events(kube, metrics, err) < 0) ||
	    (self_managed && open_certs(kube, options, delivery, log, metrics, err) < 0))
		return -1;
	return open_registration(kube, options, policy, log, metrics, err);
}

int serve_kube_start(struct serve_kube *kube, struct error *err)
{
	if (kube->loop && kube_loop_start(kube->loop, err) < 0)
		return -1;
	kube->running = kube->loop;
	return 0;
}

void serve_kube_stop(struct serve_kube *kube)
{
	if (kube->running)
		kube_loop_stop(kube->loop);
	kube->running = false;
}

void serve_kube_close(struct serve_kube *kube)
{
	registration_watch_destroy(kube->registration);
	trust_watch_destroy(kube->trust);
	kube_certs_destroy(kube->certs);
	kube_events_destroy(kube->events);
	target_reader_destroy(kube->targets);
	kube_client_destroy(kube->background);
	kube_client_destroy(kube->client);
	kube_loop_destroy(kube->loop);
	kube_config_destroy(kube->config);
	*kube = (struct serve_kube){0};
}
