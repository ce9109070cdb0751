#include "webhook/cluster/store.h"

#include <stdlib.h>

#include "webhook/cluster/labels.h"
#include "webhook/cluster/state.h"
#include "webhook/cluster/step.h"
#include "webhook/metrics/text.h"
#include "webhook/usage/namespaces.h"

/* Maximum for one object that is read: the fields of the largest Pod. */
#define SCRATCH_MAX (64u << 20)
/* A replica is not ready when its view has been behind for longer than this. */
#define BEHIND_MS 5000
/*
 * A replica is not ready when the watch of Pods has brought nothing for this long, not even a
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

/* ledger_cluster_stop waits here until the loop's thread is done. */
struct stopping {
	struct ledger_cluster *cluster;
	pthread_mutex_t mutex;
	pthread_cond_t done;
	bool is_done;
};

static void stop(void *context)
{
	struct stopping *stopping = context;
	queue_close(stopping->cluster);
	pthread_mutex_lock(&stopping->mutex);
	stopping->is_done = true;
	pthread_cond_signal(&stopping->done);
	pthread_mutex_unlock(&stopping->mutex);
}

void ledger_cluster_stop(struct ledger_cluster *cluster)
{
	struct stopping stopping = {.cluster = cluster};
	struct kube_task task = {.run = stop, .context = &stopping};
	pthread_mutex_init(&stopping.mutex, NULL);
	pthread_cond_init(&stopping.done, NULL);
	kube_loop_post(cluster->options.loop, &task);
	pthread_mutex_lock(&stopping.mutex);
	while (!stopping.is_done)
		pthread_cond_wait(&stopping.done, &stopping.mutex);
	pthread_mutex_unlock(&stopping.mutex);
	pthread_mutex_destroy(&stopping.mutex);
	pthread_cond_destroy(&stopping.done);
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
	return (struct ledger_store){
	    .self = cluster, .waits = true, .admit = queue_admit, .labels = labels_find, .fetch = queue_fetch};
}

const char *ledger_cluster_unready(struct ledger_cluster *cluster)
{
	int64_t now_ms = kube_now_ms(), behind_ms = atomic_load(&cluster->behind_ms);
	pthread_mutex_lock(&cluster->mutex);
	bool synced = cluster->synced[WATCH_PODS];
	pthread_mutex_unlock(&cluster->mutex);
	if (!synced)
		return "the Pods of the cluster have not been listed yet.";
	if (atomic_load(&cluster->state) < RECORD_SETTLING)
		return "the ledger has not been read yet.";
	if (atomic_load(&cluster->state) == RECORD_NEWER)
		return "the ledger is of a form that this version of gpugate does not know: spec.pending of gpuledger "
		       "cluster begins with its number. Update gpugate; or, if no newer one runs, delete that object.";
	if (behind_ms && now_ms - behind_ms > BEHIND_MS)
		return "the view of the cluster is behind what other replicas have written.";
	if (now_ms - kube_watch_heard_ms(cluster->watches[WATCH_PODS]) > SILENT_MS)
		return "the API server has not been heard of for minutes.";
	return NULL;
}

static const struct {
	const char *name, *help, *label;
	enum cluster_count count;
} families[] = {
    {"gpugate_ledger_writes_total", "Writes of the shared ledger, by what came of them.", "outcome=\"written\"",
     COUNT_WRITTEN},
    {"gpugate_ledger_writes_total", NULL, "outcome=\"conflict\"", COUNT_CONFLICTS},
    {"gpugate_ledger_writes_total", NULL, "outcome=\"unknown\"", COUNT_UNKNOWN},
    {"gpugate_ledger_held_total",
     "Refusals that waited a moment for something that was about to become free, by what came of it.",
     "outcome=\"all\"", COUNT_HELD},
    {"gpugate_ledger_held_total", NULL, "outcome=\"lifted\"", COUNT_LIFTED},
    {"gpugate_ledger_undecided_total", "Questions that the ledger could not decide in time, by how they are answered.",
     "reason=\"outage\"", COUNT_OUTAGES},
    {"gpugate_ledger_undecided_total", NULL, "reason=\"busy\"", COUNT_BUSY},
    {"gpugate_ledger_swept_total", "Admitted Pods that were never stored.", NULL, COUNT_SWEPT},
    {"gpugate_ledger_late_pods_total", "Pods that were stored after their admission had expired.", NULL, COUNT_LATE},
    {"gpugate_ledger_resettled_total", "Times the shared ledger had to settle again.", NULL, COUNT_RESETS},
    {"gpugate_quota_writes_total", "Writes of gpuquotas objects, by what came of them.", "outcome=\"written\"",
     COUNT_PUBLISHED},
    {"gpugate_quota_writes_total", NULL, "outcome=\"deleted\"", COUNT_RETIRED},
    {"gpugate_quota_writes_total", NULL, "outcome=\"failed\"", COUNT_UNPUBLISHED},
    {"gpugate_view_unreadable_total", "Objects of the API server that could not be read.", NULL, COUNT_UNREADABLE},
    {"gpugate_view_checks_total", "Comparisons of the view with a list of all Pods, by what came of them.",
     "outcome=\"compared\"", COUNT_COMPARED},
    {"gpugate_view_checks_total", NULL, "outcome=\"failed\"", COUNT_COMPARE_FAILED},
    {"gpugate_view_healed_total", "Pods of which no event had told, and that a comparison has put right.", NULL,
     COUNT_HEALED},
};

static void print_counts(struct ledger_cluster *cluster, struct buf *out)
{
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		if (families[i].help)
			metrics_head(out, families[i].name, "counter", families[i].help);
		buf_text(out, families[i].name);
		if (families[i].label)
			buf_printf(out, "{%s}", families[i].label);
		buf_printf(out, " %llu\n", (unsigned long long)atomic_load(&cluster->counts[families[i].count]));
	}
}

static void print_watches(struct ledger_cluster *cluster, struct buf *out)
{
	static const char *const names[WATCHES] = {"namespaces", "nodes", "pods", "gpuledgers"};
	int64_t now_ms = kube_now_ms();
	metrics_head(out, "gpugate_view_silence_seconds", "gauge",
		     "How long ago the API server was heard of, by what is watched.");
	for (int i = 0; i < WATCHES; i++) {
		int64_t heard_ms = kube_watch_heard_ms(cluster->watches[i]);
		buf_printf(out, "gpugate_view_silence_seconds{watch=\"%s\"} %.3f\n", names[i],
			   heard_ms ? (double)(now_ms - heard_ms) / 1000 : (double)now_ms / 1000);
	}
	metrics_head(out, "gpugate_view_streams_total", "counter", "Watches that were opened, by what is watched.");
	for (int i = 0; i < WATCHES; i++) {
		struct kube_watch_counts counts;
		kube_watch_counts(cluster->watches[i], &counts);
		buf_printf(out, "gpugate_view_streams_total{watch=\"%s\"} %llu\n", names[i],
			   (unsigned long long)counts.streams);
	}
}

static const char *const states[] = {[RECORD_UNKNOWN] = "unknown",
				     [RECORD_MISSING] = "missing",
				     [RECORD_SETTLING] = "settling",
				     [RECORD_OPEN] = "open",
				     [RECORD_NEWER] = "newer"};

void ledger_cluster_sums(struct ledger_cluster *cluster, struct ledger_sums *sums)
{
	ledger_sums_take(sums, cluster->ledger, &cluster->mutex);
}

void ledger_cluster_health(struct ledger_cluster *cluster, struct ledger_health *health)
{
	int64_t now_ms = kube_now_ms(), behind_ms = atomic_load(&cluster->behind_ms);
	int64_t heard_ms = kube_watch_heard_ms(cluster->watches[WATCH_PODS]);
	*health = (struct ledger_health){
	    .state = states[atomic_load(&cluster->state)],
	    .pods_silent_ms = heard_ms ? now_ms - heard_ms : -1,
	    .behind_ms = behind_ms ? now_ms - behind_ms : 0,
	    .written = atomic_load(&cluster->counts[COUNT_WRITTEN]),
	    .conflicts = atomic_load(&cluster->counts[COUNT_CONFLICTS]),
	    .undecided = atomic_load(&cluster->counts[COUNT_OUTAGES]) + atomic_load(&cluster->counts[COUNT_BUSY]),
	};
}

void ledger_cluster_peers(struct ledger_cluster *cluster, struct peers *peers)
{
	pthread_mutex_lock(&cluster->mutex);
	*peers = cluster->peers;
	pthread_mutex_unlock(&cluster->mutex);
}

static void print_state(struct ledger_cluster *cluster, struct buf *out)
{
	int state = atomic_load(&cluster->state);
	metrics_head(out, "gpugate_ledger_state", "gauge", "1 for the state that the shared ledger is in.");
	for (int i = 0; i <= RECORD_NEWER; i++)
		buf_printf(out, "gpugate_ledger_state{state=\"%s\"} %d\n", states[i], i == state);
	int64_t behind_ms = atomic_load(&cluster->behind_ms);
	metrics_head(out, "gpugate_view_behind_seconds", "gauge",
		     "How long the view of the Pods has been behind what other replicas have written.");
	buf_printf(out, "gpugate_view_behind_seconds %.3f\n",
		   behind_ms ? (double)(kube_now_ms() - behind_ms) / 1000 : 0.0);
}

static void print_unfit(const struct ledger_unfit *unfit, struct buf *out)
{
	metrics_head(
	    out, "gpugate_pods_on_unmatched_nodes", "gauge",
	    "Pods that count and are bound to a node whose labels match no Accelerator that has what they ask for, "
	    "or several.");
	buf_printf(out, "gpugate_pods_on_unmatched_nodes{matches=\"none\"} %u\n", unfit->of_no_model);
	buf_printf(out, "gpugate_pods_on_unmatched_nodes{matches=\"several\"} %u\n", unfit->of_several_models);
}

void ledger_cluster_metrics(void *context, struct buf *out)
{
	struct ledger_cluster *cluster = context;
	struct ledger_sums sums;
	ledger_cluster_sums(cluster, &sums);
	ledger_sums_print(&sums, out);
	ledger_namespaces_print(cluster->ledger, &cluster->mutex, out);
	metrics_head(out, "gpugate_ledger_pending", "gauge", "Admitted Pods that have not been seen yet.");
	buf_printf(out, "gpugate_ledger_pending %u\n", sums.pending);
	print_unfit(&sums.unfit, out);
	ledger_sums_release(&sums);
	print_state(cluster, out);
	print_counts(cluster, out);
	print_watches(cluster, out);
}
