#include "webhook/cluster/comparison.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "webhook/cluster/state.h"

/* Pods in a page. */
#define PAGE 500
/* Pause between two pages: neither the API server nor this process needs to hurry. */
#define PAGE_PAUSE_MS 50
#define OPEN_MS 30000
#define SILENCE_MS 30000
/* Maximum length of a continue token; real ones have a few kilobytes. */
#define NEXT_MAX ((size_t)64 << 10)
/*
 * If the view cannot be compared now, try again after this fraction of the period; up to twice as
 * long, at random.
 */
#define RETRY_SHARE 16

static const struct {
	const char *singular, *plural;
} names[CONSUMER_KINDS] = {
    [CONSUMER_POD] = {"Pod", "Pods"},
    [CONSUMER_CLAIM] = {"ResourceClaim", "ResourceClaims"},
};

static void set_timer(struct ledger_cluster *cluster, int64_t ms)
{
	kube_timer_set(cluster->options.loop, &cluster->comparison.timer, ms);
}

/*
 * Returns the time until this replica's next turn, in milliseconds. The period has one part for
 * each replica, in the order of their names. Clocks that differ only make some replicas list at the
 * same time.
 */
static int64_t until_turn_ms(struct ledger_cluster *cluster)
{
	int64_t period_ms = cluster->options.check_ms, replicas = 1, place = 0;
	pthread_mutex_lock(&cluster->mutex);
	for (unsigned i = 0; i < cluster->peers.count; i++)
		if (strcmp(cluster->peers.items[i].name, cluster->options.replica) == 0) {
			replicas = cluster->peers.count;
			place = i;
		}
	pthread_mutex_unlock(&cluster->mutex);
	int64_t part_ms = period_ms / replicas, since_ms = (int64_t)time(NULL) * 1000 % period_ms;
	int64_t wait_ms = (place * part_ms - since_ms + period_ms) % period_ms;
	return wait_ms + kube_random(cluster->options.loop, part_ms / 4, part_ms / 2);
}

/* --- Differences --- */

/* Adds new corrections to the metric, and returns their number. */
static uint64_t count_healed(struct ledger_cluster *cluster, uint64_t *before)
{
	pthread_mutex_lock(&cluster->mutex);
	uint64_t healed = ledger_healed(cluster->ledger), more = healed - *before;
	pthread_mutex_unlock(&cluster->mutex);
	*before = healed;
	atomic_fetch_add_explicit(&cluster->counts[COUNT_HEALED], more, memory_order_relaxed);
	return more;
}

static void report_healed(struct ledger_cluster *cluster, const char *what)
{
	char text[800];
	snprintf(text, sizeof text,
		 "%s. An event of the watch of %s was lost. This is put right; if it happens again, report it", what,
		 names[cluster->comparison.kind].plural);
	cluster_log(cluster, LOG_ERROR, "view_healed", text);
}

/*
 * Whether the Pods were relisted since the comparison began. Then there is nothing left to compare.
 */
static bool is_obsolete(struct ledger_cluster *cluster, struct error *err)
{
	pthread_mutex_lock(&cluster->mutex);
	bool comparing = ledger_comparing(cluster->ledger, cluster->comparison.kind);
	pthread_mutex_unlock(&cluster->mutex);
	return !comparing &&
	       error_set(err, "the %s were listed again in the meantime", names[cluster->comparison.kind].plural) < 0;
}

static int compare_pod(void *context, struct str type, struct str json, struct error *err)
{
	struct ledger_cluster *cluster = context;
	struct pod pod = {.present = true};
	uint64_t version = 0;
	int seen = 0;
	(void)type;
	const char *what = names[cluster->comparison.kind].singular;
	enum pod_reading reading = view_read(cluster, cluster->comparison.kind, json, &pod, &version);
	pthread_mutex_lock(&cluster->mutex);
	if (reading == POD_READ)
		seen = ledger_compare(cluster->ledger, &pod, version, kube_now_ms());
	else if (reading == POD_UNREADABLE)
		ledger_compare_unreadable(cluster->ledger, &pod, version);
	pthread_mutex_unlock(&cluster->mutex);
	if (is_obsolete(cluster, err))
		return -1;
	if (reading == POD_LOST)
		return error_set(err, "there is no memory to read a %s", what);
	if (seen > 0 && seen & LEDGER_HEALED) {
		char text[600];
		snprintf(text, sizeof text, "%s %.*s/%.*s is not what the view had", what, STR_ARG(pod.namespace),
			 STR_ARG(pod.name));
		count_healed(cluster, &cluster->comparison.healed);
		report_healed(cluster, text);
	}
	if (view_note(cluster, seen, pod.name))
		cluster->step(cluster);
	return 0;
}

/* A Pod that the list did not contain, and that no event has reported since, does not exist. */
static void end_comparison(struct ledger_cluster *cluster)
{
	char text[200];
	pthread_mutex_lock(&cluster->mutex);
	int seen = ledger_compare_end(cluster->ledger, cluster->comparison.kind, kube_now_ms());
	pthread_mutex_unlock(&cluster->mutex);
	uint64_t gone = count_healed(cluster, &cluster->comparison.healed);
	cluster_count(cluster, COUNT_COMPARED);
	if (gone) {
		snprintf(text, sizeof text, "%s of the view that do not exist any more: %" PRIu64,
			 names[cluster->comparison.kind].plural, gone);
		report_healed(cluster, text);
	}
	if (view_note(cluster, seen, STR("")))
		cluster->step(cluster);
}

/* --- Pages --- */

static void abandon(struct ledger_cluster *cluster, const char *problem)
{
	char text[1200];
	snprintf(text, sizeof text,
		 "the view was not compared with a list of all %s: %s. It is tried again the next time",
		 names[cluster->comparison.kind].plural, problem);
	pthread_mutex_lock(&cluster->mutex);
	ledger_compare_abandon(cluster->ledger, cluster->comparison.kind);
	pthread_mutex_unlock(&cluster->mutex);
	cluster_count(cluster, COUNT_COMPARE_FAILED);
	cluster_log(cluster, LOG_WARN, "view_unchecked", text);
}

/* Claims follow Pods, if the cluster has them. */
static enum consumer_kind next_kind(const struct ledger_cluster *cluster)
{
	enum consumer_kind kind = cluster->comparison.kind + 1;
	return kind < CONSUMER_KINDS && view_has(cluster, kind) ? kind : CONSUMER_POD;
}

static int on_received(void *context, const char *bytes, size_t len)
{
	struct ledger_cluster *cluster = context;
	return kube_stream_feed(&cluster->comparison.stream, bytes, len, &cluster->comparison.err);
}

/* Stores the token of the next page. Returns 0, or -1 with an error if the page cannot be used. */
static int end_page(struct comparison *comparison, const struct kube_response *response)
{
	if (response->status != 200 || kube_stream_finish(&comparison->stream, &comparison->err) < 0)
		return -1;
	buf_reset(&comparison->next);
	buf_str(&comparison->next, comparison->stream.list.next);
	return comparison->next.failed ? error_set(&comparison->err, "there is no memory for the next page of the list")
				       : 0;
}

static void on_done(void *context, const struct kube_response *response)
{
	struct ledger_cluster *cluster = context;
	struct comparison *comparison = &cluster->comparison;
	bool good = end_page(comparison, response) == 0;
	kube_stream_release(&comparison->stream);
	comparison->request = NULL;
	if (good && comparison->next.len) {
		set_timer(cluster, PAGE_PAUSE_MS);
		return;
	}
	if (good && !is_obsolete(cluster, &comparison->err))
		end_comparison(cluster);
	else
		abandon(cluster, comparison->err.text[0] ? comparison->err.text
				 : response->problem     ? response->problem
							 : "no answer");
	comparison->running = false;
	comparison->kind = next_kind(cluster);
	set_timer(cluster, comparison->kind == CONSUMER_POD ? until_turn_ms(cluster) : PAGE_PAUSE_MS);
}

/* Requests the next page. The first one names the version; a continue token contains it. */
static void get_page(struct ledger_cluster *cluster)
{
	struct comparison *comparison = &cluster->comparison;
	struct buf path;
	buf_init(&path, 4 * NEXT_MAX);
	buf_printf(&path, "%s?limit=%d", view_list_path(cluster, comparison->kind), PAGE);
	if (comparison->next.len) {
		buf_text(&path, "&continue=");
		kube_escape(&path, buf_view(&comparison->next));
	} else {
		buf_printf(&path, "&resourceVersion=%" PRIu64 "&resourceVersionMatch=Exact", comparison->version);
	}
	buf_char(&path, '\0');
	comparison->err = (struct error){0};
	kube_stream_init(&comparison->stream, KUBE_STREAM_LIST, compare_pod, cluster);
	if (path.failed)
		on_done(cluster, &(struct kube_response){.problem = "there is no memory for it"});
	else
		comparison->request = kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
											     .path = path.ptr,
											     .timeout_ms = OPEN_MS,
											     .silence_ms = SILENCE_MS,
											     .received = on_received,
											     .done = on_done,
											     .context = cluster});
	buf_release(&path);
}

/* Returns false if the view is incomplete or not verified: it cannot be compared then. */
static bool begin_comparison(struct ledger_cluster *cluster)
{
	struct comparison *comparison = &cluster->comparison;
	if (!view_follows(cluster) || !view_is_current(cluster))
		return false;
	pthread_mutex_lock(&cluster->mutex);
	ledger_compare_begin(cluster->ledger, comparison->kind);
	comparison->version = ledger_view_version(cluster->ledger, comparison->kind);
	comparison->healed = ledger_healed(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	buf_reset(&comparison->next);
	comparison->running = true;
	return true;
}

static void on_due(void *context)
{
	struct ledger_cluster *cluster = context;
	int64_t retry_ms = cluster->options.check_ms / RETRY_SHARE;
	if (cluster->comparison.running || begin_comparison(cluster))
		get_page(cluster);
	else
		set_timer(cluster, kube_random(cluster->options.loop, retry_ms, 2 * retry_ms));
}

void comparison_open(struct ledger_cluster *cluster)
{
	buf_init(&cluster->comparison.next, NEXT_MAX);
	cluster->comparison.timer = (struct kube_timer){.run = on_due, .context = cluster};
	if (cluster->options.check_ms)
		set_timer(cluster, until_turn_ms(cluster));
}

void comparison_close(struct ledger_cluster *cluster)
{
	struct comparison *comparison = &cluster->comparison;
	kube_timer_clear(cluster->options.loop, &comparison->timer);
	if (comparison->request) {
		kube_cancel(cluster->options.client, comparison->request);
		kube_stream_release(&comparison->stream);
	}
	buf_release(&comparison->next);
}
