#include "webhook/cluster/step.h"

#include "webhook/cluster/decide.h"
#include "webhook/cluster/fit.h"
#include "webhook/cluster/labels.h"
#include "webhook/cluster/record_calls.h"
#include "webhook/cluster/state.h"

/* Interval of the periodic work, plus or minus a quarter at random. */
#define TICK_MS 1000

/* Returns a note, and clears it. */
static bool take(bool *note)
{
	bool taken = *note;
	*note = false;
	return taken;
}

/* Lists everything again after a restore of the storage, or what was lost. */
static void start_over(struct ledger_cluster *cluster)
{
	bool view_restored = take(&cluster->view.restored), record_restored = take(&cluster->record.restored);
	if (view_restored)
		record_invalidate(cluster);
	if (view_restored || record_restored) {
		watches_restart(cluster);
		publish_restart(cluster);
	}
	if (take(&cluster->view.lost))
		watches_relist_lost(cluster);
}

/* After a write has ended, completes its batch, or has it decided again. */
static void take_outcome(struct ledger_cluster *cluster)
{
	enum write_outcome outcome = cluster->record.outcome;
	if (outcome == WRITE_NONE)
		return;
	cluster->record.outcome = WRITE_NONE;
	queue_pause(cluster, outcome == WRITE_CONFLICT);
	queue_write_ended(cluster, outcome == WRITE_DONE);
}

/* Reads the record, and writes changes of its state. */
static void advance_record(struct ledger_cluster *cluster)
{
	if (take(&cluster->record.wants_read))
		record_read(cluster);
	record_write_state(cluster);
}

/* Has held denials decided again if they may turn into admissions. */
static void retry(struct ledger_cluster *cluster, bool answered)
{
	bool freed = take(&cluster->view.freed), refreshed = cluster->queue.read < cluster->record.read;
	cluster->queue.read = cluster->record.read;
	if (freed || refreshed || answered) /* The view may follow the cluster again. */
		queue_retry(cluster);
}

/*
 * Decides the waiting requests, and starts the reads and writes that they need. Reads the time
 * again, because completing a batch takes a while, and the age of an entry begins at its decision.
 */
static void decide(struct ledger_cluster *cluster)
{
	unsigned needs = decide_waiting(cluster, kube_now_ms());
	if (needs & DECIDE_NEEDS_NAMESPACE)
		lookup_for_pods(cluster);
	if (needs & DECIDE_NEEDS_READ)
		record_read(cluster);
	if (needs & DECIDE_NEEDS_WRITE)
		record_write(cluster);
}

/* Writes the record although no request needs it. */
static void write_for_maintenance(struct ledger_cluster *cluster, int64_t now_ms, bool ticked)
{
	bool fold = ticked && maintenance_wants_fold(cluster, now_ms);
	if (!record_is_writable(cluster) || !view_is_current(cluster))
		return;
	bool due = fold || (ticked && (record_wants_probe(cluster, now_ms) || record_wants_claims(cluster, now_ms))) ||
		   record_form_is_ahead(cluster);
	if (due)
		record_write(cluster);
}

/* Delivers the namespaces that were read, and reads those that requests and Pods need. */
static void look_up(struct ledger_cluster *cluster, bool ticked)
{
	const struct lookup *lookup = cluster->lookups.answered;
	if (ticked || (lookup && lookup->for_pods))
		lookup_for_pods(cluster);
	for (; (lookup = cluster->lookups.answered); lookup_remove_answered(cluster))
		labels_deliver(cluster, lookup_name(lookup), lookup->status);
	if (ticked)
		labels_request_again(cluster);
	for (struct reservation_request *request; (request = labels_next(cluster));)
		labels_requested(cluster, request, lookup_namespace(cluster, request->namespace));
}

/*
 * Runs one pass. The order matters: invalid state is discarded before anything relies on it, the
 * copy is updated before requests are decided, and requests are decided before the record is
 * written for anything else.
 */
static void run(struct ledger_cluster *cluster)
{
	int64_t now_ms = kube_now_ms();
	bool ticked = take(&cluster->stepping.ticked), answered = false, due = false;
	if (ticked) {
		maintenance_expire(cluster, now_ms);
		record_tick(cluster, now_ms);
		claims_api_tick(cluster, now_ms);
		classes_tick(cluster);
		slices_tick(cluster);
	}
	start_over(cluster);
	take_outcome(cluster);
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		if (take(&cluster->queries[kind].answered)) {
			record_take_version(cluster, &cluster->queries[kind]);
			answered = true;
		}
	advance_record(cluster);
	fit_publish(cluster);
	retry(cluster, answered);
	decide(cluster);
	look_up(cluster, ticked);
	write_for_maintenance(cluster, now_ms, ticked);
	if (ticked) {
		maintenance_relist_if_quiet(cluster, now_ms);
		maintenance_report_unfit(cluster);
	}
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		due |= take(&cluster->queries[kind].due);
	bool turned = take(&cluster->view.turned);
	if (due || turned || ticked)
		version_query_send(cluster);
	queue_set_timer(cluster);
}

void cluster_step(struct ledger_cluster *cluster)
{
	struct stepping *stepping = &cluster->stepping;
	stepping->again = true;
	if (stepping->running)
		return;
	stepping->running = true;
	while (take(&stepping->again))
		run(cluster);
	stepping->running = false;
}

static void on_tick(void *context)
{
	struct ledger_cluster *cluster = context;
	struct kube_loop *loop = cluster->options.loop;
	cluster->stepping.ticked = true;
	cluster_step(cluster);
	kube_timer_set(loop, &cluster->stepping.timer, TICK_MS * 3 / 4 + kube_random(loop, 0, TICK_MS / 2));
}

void step_open(struct ledger_cluster *cluster)
{
	cluster->step = cluster_step;
	cluster->stepping.timer = (struct kube_timer){.run = on_tick, .context = cluster};
	kube_timer_set(cluster->options.loop, &cluster->stepping.timer, TICK_MS);
}

void step_close(struct ledger_cluster *cluster)
{
	kube_timer_clear(cluster->options.loop, &cluster->stepping.timer);
}
