/* metrics: numbers of the view and the record, for /metrics and the status page. */
#include "webhook/cluster/state.h"
#include "webhook/usage/namespaces.h"

#define COUNTS_MAX 3

static const char *const state_names[] = {
    [RECORD_UNKNOWN] = "unknown", [RECORD_MISSING] = "missing", [RECORD_SETTLING] = "settling",
    [RECORD_OPEN] = "open",       [RECORD_NEWER] = "newer",     NULL};

enum row {
	STATE,
	PENDING,
	ROOM,
	WRITES,
	HELD,
	UNDECIDED,
	EXPIRED,
	LATE,
	RESETTLED,
	QUOTA_WRITES,
	BEHIND,
	SILENCE,
	STREAMS,
	CLASSES,
	CLASSES_GAP,
	UNREADABLE,
	CHECKS,
	HEALED,
	UNMATCHED,
	ROWS
};

static const struct metric rows[ROWS] = {
    [STATE] = {.name = "gpugate_ledger_state",
	       .type = METRIC_GAUGE,
	       .unit = "0 or 1",
	       .help = "1 for the state that the shared ledger is in.",
	       .labels = {{"state", state_names}},
	       .alerts = "GpugateLedgerClosed"},
    [PENDING] = {.name = "gpugate_ledger_pending",
		 .type = METRIC_GAUGE,
		 .unit = "Pods",
		 .help = "Admitted Pods that have not been seen yet.",
		 .alerts = "GpugateLedgerPending"},
    [ROOM] = {.name = "gpugate_ledger_fullest_root_ratio",
	      .type = METRIC_GAUGE,
	      .unit = "ratio",
	      .help = "How much of its room in the shared ledger the fullest root tenant takes, from 0 to 1.",
	      .details = "Pods and claims take it until they are stored and seen, and reservations for gangs until "
			 "they end. The tenants below one root have a quarter of what the others leave. Near 1, "
			 "they are answered `busy`.",
	      .alerts = "GpugateLedgerRoom"},
    [WRITES] = {.name = "gpugate_ledger_writes_total",
		.type = METRIC_COUNTER,
		.unit = "writes",
		.help = "Writes of the shared ledger, by what came of them.",
		.labels = {{"outcome", METRIC_VALUES("written", "conflict", "unknown")}},
		.details = "`conflict`: another replica was faster. `unknown`: there was no answer.",
		.alerts = "GpugateLedgerWritesUnanswered"},
    [HELD] = {.name = "gpugate_ledger_held_total",
	      .type = METRIC_COUNTER,
	      .unit = "refusals",
	      .help = "Refusals that waited a moment for something that was about to become free, by what came of it.",
	      .labels = {{"outcome", METRIC_VALUES("all", "admitted")}},
	      .details = "A refusal waits for up to 250 ms if, of each limit that refuses it, something is pending or "
			 "terminating. `all` counts every such refusal, `admitted` those that became admissions."},
    [UNDECIDED] = {.name = "gpugate_ledger_undecided_total",
		   .type = METRIC_COUNTER,
		   .unit = "requests",
		   .help = "Questions that the ledger could not decide in time, by how they are answered.",
		   .labels = {{"reason", METRIC_VALUES("outage", "busy")}},
		   .details =
		       "`outage` is answered by `onOutage`, `busy` with 429. A request is `busy` if it left no "
		       "time, or if the watch of Pods or claims is interrupted. It is `busy`, too, if its tenant "
		       "has too many Pods and claims that are not stored yet, and reservations for gangs.",
		   .alerts = "GpugateLedgerUndecided"},
    [EXPIRED] = {.name = "gpugate_ledger_expired_total",
		 .type = METRIC_COUNTER,
		 .unit = "Pods",
		 .help = "Admitted Pods that were never stored.",
		 .alerts = "GpugatePodsNeverStored"},
    [LATE] = {.name = "gpugate_ledger_late_pods_total",
	      .type = METRIC_COUNTER,
	      .unit = "Pods",
	      .help = "Pods that were stored after their admission had expired.",
	      .details = "The log event `pod_stored_late` names each of them.",
	      .alerts = "GpugatePodLate"},
    [RESETTLED] = {.name = "gpugate_ledger_resettled_total",
		   .type = METRIC_COUNTER,
		   .unit = "times",
		   .help = "Times the shared ledger had to settle again.",
		   .details = "It settles again after the object, which this replica had seen, was deleted, was "
			      "written so that it has to settle, or could not be trusted. Further writes while it "
			      "settles do not count again.",
		   .alerts = "GpugateLedgerResettled"},
    [QUOTA_WRITES] = {.name = "gpugate_quota_writes_total",
		      .type = METRIC_COUNTER,
		      .unit = "writes",
		      .help = "Writes of gpuquotas objects, by what came of them.",
		      .labels = {{"outcome", METRIC_VALUES("written", "deleted", "failed")}},
		      .details = "`failed` also counts lists of the objects that failed.",
		      .alerts = "GpugateQuotasUnpublished"},
    [BEHIND] = {.name = "gpugate_view_behind_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds",
		.help = "How long the view of the Pods has been behind what other replicas have written.",
		.alerts = "GpugateViewBehind"},
    [SILENCE] = {.name = "gpugate_view_silence_seconds",
		 .type = METRIC_GAUGE,
		 .unit = "seconds",
		 .help = "How long ago the API server was heard of, by what is watched.",
		 .labels = {{"watch", watches_names}},
		 .alerts = "GpugateViewSilent"},
    [STREAMS] = {.name = "gpugate_view_streams_total",
		 .type = METRIC_COUNTER,
		 .unit = "watches",
		 .help = "Watches that were opened, by what is watched.",
		 .labels = {{"watch", watches_names}}},
    [CLASSES] = {.name = "gpugate_device_classes",
		 .type = METRIC_GAUGE,
		 .unit = "DeviceClasses",
		 .help = "DeviceClasses of the cluster that give a resource name to their devices.",
		 .details = "They are watched where the policy counts claims."},
    [CLASSES_GAP] = {.name = "gpugate_device_classes_incomplete",
		     .type = METRIC_GAUGE,
		     .unit = "0 or 1",
		     .help = "1 while the policy counts claims and not all DeviceClasses are known, else 0.",
		     .details = "Then `onOutage` decides about Pods that request names that the policy does not "
				"write out. The log event `device_classes_unknown` says why.",
		     .query = "A right that is missing, or too many classes: "
			      "`min_over_time(gpugate_device_classes_incomplete[10m]) == 1`"},
    [UNREADABLE] = {.name = "gpugate_view_unreadable_total",
		    .type = METRIC_COUNTER,
		    .unit = "objects",
		    .help = "Objects of the API server that could not be read.",
		    .alerts = "GpugateViewUnreadable"},
    [CHECKS] = {.name = "gpugate_view_checks_total",
		.type = METRIC_COUNTER,
		.unit = "comparisons",
		.help = "Comparisons of the view with a list of all Pods, by what came of them.",
		.labels = {{"outcome", METRIC_VALUES("compared", "failed")}},
		.query = "Comparisons fail, if `--view-check-seconds` is neither 0 nor more than an hour: "
			 "`sum(increase(gpugate_view_checks_total{outcome=\"compared\"}[3h])) == 0`"},
    [HEALED] = {.name = "gpugate_view_healed_total",
		.type = METRIC_COUNTER,
		.unit = "Pods",
		.help = "Pods of which no event had told, and that a comparison has put right.",
		.alerts = "GpugateViewHealed"},
    [UNMATCHED] = {.name = "gpugate_pods_on_unmatched_nodes",
		   .type = METRIC_GAUGE,
		   .unit = "Pods and claims",
		   .help = "Pods and claims that count and are on a node whose labels match no Accelerator that has "
			   "what they ask for, or several.",
		   .details = "A claim counts by its node with `chargeClaims: asAllocated`, while it is allocated.",
		   .labels = {{"matches", METRIC_VALUES("none", "several")}},
		   .alerts = "GpugateNodeUnmatched"},
};

const struct metric_set ledger_cluster_metrics = {"Cluster ledger", "With `--ledger cluster`.", METRIC_ROWS(rows)};

/* What counts for each combination of a row's labels. */
static const struct {
	enum row row;
	enum cluster_count counts[COUNTS_MAX];
} counted[] = {
    {WRITES, {COUNT_WRITTEN, COUNT_CONFLICTS, COUNT_UNKNOWN}},
    {HELD, {COUNT_HELD, COUNT_ADMITTED_LATER}},
    {UNDECIDED, {COUNT_OUTAGES, COUNT_BUSY}},
    {EXPIRED, {COUNT_EXPIRED}},
    {LATE, {COUNT_LATE}},
    {RESETTLED, {COUNT_RESETS}},
    {QUOTA_WRITES, {COUNT_PUBLISHED, COUNT_RETIRED, COUNT_UNPUBLISHED}},
    {UNREADABLE, {COUNT_UNREADABLE}},
    {CHECKS, {COUNT_COMPARED, COUNT_COMPARE_FAILED}},
    {HEALED, {COUNT_HEALED}},
};

static void print_counts(struct ledger_cluster *cluster, struct buf *out)
{
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		int64_t numbers[COUNTS_MAX];
		for (size_t k = 0; k < COUNTS_MAX; k++)
			numbers[k] = (int64_t)atomic_load(&cluster->counts[counted[i].counts[k]]);
		metric_integers(out, &rows[counted[i].row], numbers);
	}
}

static void print_watches(struct ledger_cluster *cluster, struct buf *out)
{
	int64_t now_ms = kube_now_ms(), silence_ms[WATCHES], streams[WATCHES];
	for (int i = 0; i < WATCHES; i++) {
		struct kube_watch_counts counts;
		kube_watch_counts(cluster->watches[i], &counts);
		streams[i] = (int64_t)counts.streams;
		int64_t last_ms = kube_watch_last_activity_ms(cluster->watches[i]);
		/* These are not watched where nothing has or needs them. */
		bool always = i != WATCH_CLAIMS && i != WATCH_CLASSES && i != WATCH_SLICES;
		silence_ms[i] = last_ms || always ? now_ms - last_ms : 0;
	}
	metric_seconds(out, &rows[SILENCE], silence_ms);
	metric_integers(out, &rows[STREAMS], streams);
}

static void print_state(struct ledger_cluster *cluster, struct buf *out)
{
	int64_t is_state[RECORD_NEWER + 1] = {0}, behind_ms = atomic_load(&cluster->behind_ms);
	is_state[atomic_load(&cluster->state)] = 1;
	metric_integers(out, &rows[STATE], is_state);
	metric_seconds(out, &rows[BEHIND], &(int64_t){behind_ms ? kube_now_ms() - behind_ms : 0});
}

void ledger_cluster_health(struct ledger_cluster *cluster, struct ledger_health *health)
{
	int64_t now_ms = kube_now_ms(), behind_ms = atomic_load(&cluster->behind_ms);
	int64_t last_activity_ms = kube_watch_last_activity_ms(cluster->watches[WATCH_PODS]);
	*health = (struct ledger_health){
	    .state = state_names[atomic_load(&cluster->state)],
	    .pods_silent_ms = last_activity_ms ? now_ms - last_activity_ms : -1,
	    .behind_ms = behind_ms ? now_ms - behind_ms : 0,
	    .written = atomic_load(&cluster->counts[COUNT_WRITTEN]),
	    .conflicts = atomic_load(&cluster->counts[COUNT_CONFLICTS]),
	    .undecided = atomic_load(&cluster->counts[COUNT_OUTAGES]) + atomic_load(&cluster->counts[COUNT_BUSY]),
	};
}

void ledger_cluster_render_sums(void *cluster, struct buf *out)
{
	struct ledger_sums sums;
	ledger_cluster_sums(cluster, &sums);
	ledger_sums_print(&sums, out);
	ledger_sums_release(&sums);
}

void ledger_cluster_render_namespaces(void *context, struct buf *out)
{
	struct ledger_cluster *cluster = context;
	ledger_namespaces_print(cluster->ledger, &cluster->mutex, out);
}

static void print_ratio(const struct metric *metric, uint32_t percent, struct buf *out)
{
	const struct str no_labels[METRIC_LABELS_MAX] = {{NULL, 0}};
	metric_head(out, metric);
	metric_sample(out, metric, no_labels);
	buf_printf(out, "%u.%02u\n", percent / 100, percent % 100);
}

void ledger_cluster_render_state(void *context, struct buf *out)
{
	struct ledger_cluster *cluster = context;
	pthread_mutex_lock(&cluster->mutex);
	int64_t pending = ledger_pending(cluster->ledger);
	uint32_t fullest = ledger_fullest_root(cluster->ledger);
	struct ledger_unfit unfit = ledger_unfit(cluster->ledger);
	bool incomplete = classes_are_incomplete(cluster);
	pthread_mutex_unlock(&cluster->mutex);
	print_state(cluster, out);
	metric_integers(out, &rows[PENDING], &pending);
	print_ratio(&rows[ROOM], fullest, out);
	print_counts(cluster, out);
	print_watches(cluster, out);
	metric_integers(out, &rows[CLASSES], &(int64_t){atomic_load(&cluster->classes.known)});
	metric_integers(out, &rows[CLASSES_GAP], &(int64_t){incomplete});
	metric_integers(out, &rows[UNMATCHED], (int64_t[]){unfit.of_no_model, unfit.of_several_models});
}
