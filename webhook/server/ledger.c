#include "webhook/server/ledger.h"

#include "webhook/usage/namespaces.h"

static int open_embedded(struct serve_ledger *ledger, struct policy_store *policies, struct metrics *metrics,
			 struct error *err)
{
	const struct policy *policy = policy_store_get(policies);
	ledger->embedded = ledger_embedded_create(policy, err);
	policy_release(policy);
	if (!ledger->embedded ||
	    metrics_attach(metrics, &ledger_sums_metrics, ledger_embedded_render_sums, ledger->embedded, err) < 0)
		return -1;
	return metrics_attach(metrics, &ledger_namespaces_metrics, ledger_embedded_render_namespaces, ledger->embedded,
			      err);
}

static void tell(void *context, bool warning, const char *reason, const char *message)
{
	kube_events_emit(context, warning, reason, message);
}

static int on_classes(void *context, const struct device_classes *classes)
{
	return policy_store_set_classes(context, classes);
}

static int attach_cluster(struct ledger_cluster *cluster, struct metrics *metrics, struct error *err)
{
	static const struct {
		const struct metric_set *set;
		void (*render)(void *context, struct buf *out);
	} parts[] = {
	    {&ledger_sums_metrics, ledger_cluster_render_sums},
	    {&ledger_namespaces_metrics, ledger_cluster_render_namespaces},
	    {&ledger_cluster_metrics, ledger_cluster_render_state},
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (metrics_attach(metrics, parts[i].set, parts[i].render, cluster, err) < 0)
			return -1;
	return 0;
}

static int open_cluster(struct serve_ledger *ledger, struct serve_kube *kube, const struct serve_options *options,
			struct policy_store *policies, struct log *log, struct metrics *metrics, struct error *err)
{
	const struct device_classes none = {.gap = LEDGER_CLASSES_UNLISTED};
	if (policy_store_set_classes(policies, &none) < 0)
		return error_set(err, "not enough memory for the policy");
	const struct policy *policy = policy_store_get(policies);
	const struct ledger_cluster_options how = {
	    .loop = kube->loop,
	    .client = kube->client,
	    .background = kube->background,
	    .policy = policy,
	    .replica = kube->replica,
	    .namespace = kube_config_namespace(kube->config),
	    .ttl_ms = options->pending_seconds * 1000,
	    .settle_ms = options->settle_seconds * 1000,
	    .fold_ms = options->fold_milliseconds,
	    .check_ms = options->view_check_seconds * 1000,
	    .log = log,
	    .tell = tell,
	    .notify_context = kube->events,
	    .classes = on_classes,
	    .classes_context = policies,
	};
	ledger->cluster = ledger_cluster_create(&how, err);
	policy_release(policy);
	return ledger->cluster ? attach_cluster(ledger->cluster, metrics, err) : -1;
}

int serve_ledger_open(struct serve_ledger *ledger, struct serve_kube *kube, const struct serve_options *options,
		      struct policy_store *policies, struct log *log, struct metrics *metrics, struct error *err)
{
	return options->ledger == LEDGER_KIND_CLUSTER ? open_cluster(ledger, kube, options, policies, log, metrics, err)
						      : open_embedded(ledger, policies, metrics, err);
}

struct ledger_store serve_ledger_store(const struct serve_ledger *ledger)
{
	return ledger->cluster ? ledger_cluster_store(ledger->cluster) : ledger_embedded_store(ledger->embedded);
}

int serve_ledger_rebase(const struct serve_ledger *ledger, const struct policy *policy)
{
	return ledger->cluster ? ledger_cluster_rebase(ledger->cluster, policy)
			       : ledger_embedded_rebase(ledger->embedded, policy);
}

void serve_ledger_sums(const struct serve_ledger *ledger, struct ledger_sums *sums)
{
	if (ledger->cluster)
		ledger_cluster_sums(ledger->cluster, sums);
	else
		ledger_embedded_sums(ledger->embedded, sums);
}

const char *serve_ledger_unready(const struct serve_ledger *ledger)
{
	return ledger->cluster ? ledger_cluster_unready(ledger->cluster) : NULL;
}

void serve_ledger_stop(struct serve_ledger *ledger, const struct serve_kube *kube)
{
	/* First, as requests that get no object may then ask the ledger. */
	if (kube->running)
		target_reader_stop(kube->targets);
	if (ledger->cluster && kube->running)
		ledger_cluster_stop(ledger->cluster);
}

void serve_ledger_close(struct serve_ledger *ledger)
{
	ledger_cluster_destroy(ledger->cluster);
	ledger_embedded_destroy(ledger->embedded);
	*ledger = (struct serve_ledger){0};
}
