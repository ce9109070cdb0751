#include "webhook/cluster/store.h"

#include <stdlib.h>

#include "webhook/cluster/fit.h"
#include "webhook/cluster/labels.h"
#include "webhook/cluster/state.h"
#include "webhook/cluster/step.h"

/* Maximum for one object that is read: the fields of the largest Pod. */
#define SCRATCH_MAX (64u << 20)
/* A replica is not ready when its view has been behind for longer than this. */
#define BEHIND_MS 5000
/*
 * A replica is not ready when a watch of consumers has brought nothing for this long, not even a
 * bookmark.
 */
#define SILENT_MS 150000

struct ledger_cluster *ledger_cluster_create(const struct ledger_cluster_options *options, struct error *err)
{
	const struct ledger_options rules = {
	    .policy = options->policy, .shared = true, .ttl_ms = options->ttl_ms, .fold_ms = options->fold_ms};
	struct ledger_cluster *cluster = calloc(1, sizeof *cluster);
	if (!cluster) {
		error_set(err, "there is no memory for the ledger");
		return NULL;
	}
	cluster->options = *options;
	cluster->options.policy = NULL; /* The ledger retains the policy. */
	pthread_mutex_init(&cluster->mutex, NULL);
	arena_init(&cluster->scratch, 64 << 10, SCRATCH_MAX);
	queue_open(cluster);
	record_open(cluster);
	classes_open(cluster);
	cluster->ledger = ledger_create(&rules, err);
	if (!cluster->ledger || watches_open(cluster, err) < 0 || publish_open(cluster, err) < 0) {
		ledger_cluster_destroy(cluster);
		return NULL;
	}
	publish_note_policy(cluster, options->policy);
	step_open(cluster);
	comparison_open(cluster);
	return cluster;
}

static void stop(void *context)
{
	queue_close(context);
}

void ledger_cluster_stop(struct ledger_cluster *cluster)
{
	kube_loop_run(cluster->options.loop, stop, cluster);
}

void ledger_cluster_destroy(struct ledger_cluster *cluster)
{
	if (!cluster)
		return;
	struct kube_loop *loop = cluster->options.loop;
	kube_timer_clear(loop, &cluster->queue.timer); /* The loop outlives these timers. */
	kube_timer_clear(loop, &cluster->record.again);
	step_close(cluster);
	lookup_close(cluster);
	comparison_close(cluster);
	publish_close(cluster);
	watches_close(cluster);
	classes_close(cluster);
	slices_close(cluster);
	ledger_destroy(cluster->ledger);
	buf_release(&cluster->record.body);
	arena_release(&cluster->scratch);
	pthread_mutex_destroy(&cluster->mutex);
	free(cluster);
}

int ledger_cluster_rebase(struct ledger_cluster *cluster, const struct policy *policy)
{
	pthread_mutex_lock(&cluster->mutex);
	int result = ledger_rebase(cluster->ledger, policy);
	if (result == 0)
		publish_note_policy(cluster, policy);
	pthread_mutex_unlock(&cluster->mutex);
	return result;
}

struct ledger_store ledger_cluster_store(struct ledger_cluster *cluster)
{
	return (struct ledger_store){.self = cluster,
				     .waits = true,
				     .admit = queue_admit,
				     .fit = fit_now,
				     .labels = labels_find,
				     .fetch = queue_fetch};
}

static bool is_heard(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	return kube_now_ms() - kube_watch_last_activity_ms(cluster->watches[consumer_watches[kind]]) <= SILENT_MS;
}

const char *ledger_cluster_unready(struct ledger_cluster *cluster)
{
	int64_t now_ms = kube_now_ms(), behind_ms = atomic_load(&cluster->behind_ms);
	pthread_mutex_lock(&cluster->mutex);
	bool pods = view_is_listed(cluster, CONSUMER_POD), all = view_all(cluster, view_is_listed);
	bool heard = view_all(cluster, is_heard), classes = !classes_are_awaited(cluster);
	pthread_mutex_unlock(&cluster->mutex);
	if (!pods)
		return "the Pods of the cluster have not been listed yet.";
	if (!all)
		return "the ResourceClaims of the cluster have not been listed yet, for which gpugate needs the rights "
		       "list and watch of resourceclaims (resource.k8s.io).";
	if (!classes)
		return "the DeviceClasses of the cluster have not been listed yet (deviceclasses of resource.k8s.io).";
	if (atomic_load(&cluster->state) < RECORD_SETTLING)
		return "the ledger has not been read yet.";
	if (atomic_load(&cluster->state) == RECORD_NEWER)
		return "the ledger is of a form that this version of gpugate does not know: spec.pending of gpuledger "
		       "cluster begins with its number. Update gpugate; or, if no newer one runs, delete that object.";
	if (behind_ms && now_ms - behind_ms > BEHIND_MS)
		return "the view of the cluster is behind what other replicas have written.";
	if (!heard)
		return "the API server has not been heard of for minutes.";
	return NULL;
}

void ledger_cluster_sums(struct ledger_cluster *cluster, struct ledger_sums *sums)
{
	ledger_sums_take(sums, cluster->ledger, &cluster->mutex);
}

void ledger_cluster_peers(struct ledger_cluster *cluster, struct peers *peers)
{
	pthread_mutex_lock(&cluster->mutex);
	*peers = cluster->peers;
	pthread_mutex_unlock(&cluster->mutex);
}
