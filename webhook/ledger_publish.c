/*
 * ledger_publish: what people read: the gpuquotas objects. The ledger is summed now and then, and what is published differently
 * is written, as far as quota_plan.h lets this replica do it. Nothing is decided from these objects, and whatever goes wrong here
 * holds nobody up. Loop thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "webhook/ledger_cluster_state.h"
#include "webhook/quota_plan.h"
#include "webhook/quota_summary.h"

#define TICK_MS 500     /* at least, and at most half as much again */
#define BUSY_MAX 2      /* calls under way, and begun in one tick: at most 4 writes in a second */
#define SURVEY_SHARE 50 /* summing takes at most 1/50 of the time */
#define WRITE_MS 5000
#define BACKOFF_MS 2000
#define BACKOFF_MAX_MS 60000
#define BODY_MAX (64u << 10)

/* --- What is published --- */

/* `own`: it is the answer to a write of this replica's. */
static void see(struct ledger_cluster *cluster, struct str json, bool gone, bool own)
{
	struct quota_document document;
	struct quota_seen seen = {0};
	struct error err = {0};
	char name[QUOTA_NAME_MAX + 1];
	arena_reset(&cluster->scratch);
	if (quota_document_read(json, &cluster->scratch, &document, &err) < 0 || document.name.len == 0 ||
	    document.name.len > QUOTA_NAME_MAX || !kube_version(document.resource_version, &seen.resource_version)) {
		cluster_count(cluster, COUNT_UNREADABLE);
		return;
	}
	snprintf(name, sizeof name, "%.*s", STR_ARG(document.name));
	struct publish_row *row =
	    publish_rows_find(&cluster->publish.rows, name, gone ? 0 : PUBLISH_STRANGERS_MAX, cluster);
	if (!row)
		return;
	kube_version(document.pod_version, &seen.pod_version);
	seen.content = quota_document_content(&document);
	seen.policy = quota_text_hash(document.policy);
	row->listed = !gone;
	quota_plan_seen(&row->plan, &seen, kube_now_ms());
	if (own)
		quota_plan_written(&row->plan, seen.resource_version);
	if (gone && row->plan.resource_version <= seen.resource_version)
		quota_plan_gone(&row->plan);
}

static void on_begin(void *context)
{
	struct publish *publish = &((struct ledger_cluster *)context)->publish;
	publish->synced = false;
	for (uint32_t i = 0; i < publish->rows.count; i++) {
		publish->rows.items[i]->listed = false;
		quota_plan_listing(&publish->rows.items[i]->plan);
	}
}

static void on_listed(void *context, struct str json)
{
	see(context, json, false, false);
}

static void on_synced(void *context, uint64_t version)
{
	struct publish *publish = &((struct ledger_cluster *)context)->publish;
	(void)version;
	for (uint32_t i = 0; i < publish->rows.count; i++)
		if (!publish->rows.items[i]->listed)
			quota_plan_gone(&publish->rows.items[i]->plan);
	publish_rows_drop(&publish->rows, kube_now_ms());
	publish->synced = true;
}

static void on_changed(void *context, bool gone, struct str json)
{
	see(context, json, gone, false);
}

static void on_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

/* --- Writing --- */

/* Says once that nothing can be published, and does nothing for a while. */
static void note_failure(struct ledger_cluster *cluster, const char *what, const char *problem)
{
	struct publish *publish = &cluster->publish;
	cluster_count(cluster, COUNT_UNPUBLISHED);
	if (!publish->backoff_ms) {
		char text[800];
		snprintf(text, sizeof text, "the gpuquotas objects that people read cannot be %s: %s", what, problem);
		cluster_log(cluster, LOG_WARN, "quotas_unpublished", text);
	}
	publish->backoff_ms = publish->backoff_ms ? publish->backoff_ms * 2 : BACKOFF_MS;
	if (publish->backoff_ms > BACKOFF_MAX_MS)
		publish->backoff_ms = BACKOFF_MAX_MS;
	publish->again_ms = kube_now_ms() + publish->backoff_ms;
}

/* Without a list it is not known what is published, and nothing is written. */
static void on_failed(void *context, const char *problem)
{
	note_failure(context, "listed", problem);
}

static void note_result(struct ledger_cluster *cluster, const struct kube_answer *answer, enum cluster_count good)
{
	if (answer->status == 200 || answer->status == 201) {
		cluster_count(cluster, good);
		cluster->publish.backoff_ms = 0;
	} else if (answer->status != 409 &&
		   answer->status != 404) { /* else another replica was faster: the watch will tell */
		note_failure(cluster, "written", answer->problem ? answer->problem : "no answer");
	}
}

static void on_written(void *context, const struct kube_answer *answer)
{
	struct publish_row *row = context;
	struct ledger_cluster *cluster = row->context;
	row->plan.busy = false;
	cluster->publish.busy--;
	note_result(cluster, answer, COUNT_PUBLISHED);
	if (answer->status == 200 || answer->status == 201)
		see(cluster, answer->body, false, true);
}

static void on_deleted(void *context, const struct kube_answer *answer)
{
	struct publish_row *row = context;
	struct ledger_cluster *cluster = row->context;
	row->plan.busy = false;
	cluster->publish.busy--;
	note_result(cluster, answer, COUNT_RETIRED);
	if (answer->status == 200)
		quota_plan_gone(&row->plan);
}

static void call(struct publish_row *row, const char *method, const char *query, const char *content_type,
		 void (*done)(void *context, const struct kube_answer *answer))
{
	struct ledger_cluster *cluster = row->context;
	struct buf path;
	buf_init(&path, 4096);
	buf_text(&path, QUOTAS_PATH "/");
	kube_escape(&path, str_of(row->name));
	buf_text(&path, query);
	buf_char(&path, '\0');
	cluster->publish.busy++;
	if (path.failed || cluster->publish.body.failed)
		done(row, &(struct kube_answer){.problem = "there is no memory for it"});
	else
		kube_call(cluster->options.client, &(struct kube_call){.method = method,
								       .path = path.ptr,
								       .content_type = content_type,
								       .body = buf_view(&cluster->publish.body),
								       .timeout_ms = WRITE_MS,
								       .done = done,
								       .context = row});
	buf_release(&path);
}

/* Against the very copy that was compared, if there is one: what another replica has written since is not overwritten. */
static void write_row(struct publish_row *row, struct quota_document *document, uint64_t pod_version)
{
	struct publish *publish = &((struct ledger_cluster *)row->context)->publish;
	char resource_version[24], view[24];
	snprintf(resource_version, sizeof resource_version, "%" PRIu64, row->plan.resource_version);
	snprintf(view, sizeof view, "%" PRIu64, pod_version);
	document->name = str_of(row->name);
	document->pod_version = str_of(view);
	document->policy = str_of(publish->policy);
	if (row->plan.published)
		document->resource_version = str_of(resource_version);
	buf_reset(&publish->body);
	quota_document_write(&publish->body, document);
	call(row, "PATCH", "?fieldManager=gpugate&force=true", "application/apply-patch+yaml", on_written);
}

static void delete_row(struct publish_row *row)
{
	struct buf *body = &((struct ledger_cluster *)row->context)->publish.body;
	buf_reset(body);
	buf_printf(body,
		   "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{\"resourceVersion\":\"%" PRIu64
		   "\"}}",
		   row->plan.resource_version);
	call(row, "DELETE", "", "application/json", on_deleted);
}

/* --- What is wanted --- */

struct survey {
	struct ledger_cluster *cluster;
	const struct policy *policy; /* retained */
	struct held *held;
	uint64_t former[PLAN_FORMER_MAX];
	uint64_t version;
	unsigned begun; /* calls */
	struct quota_plan_now now;
};

/* Copies the sums under the lock. False: there is nothing to be trusted, or no memory. */
static bool take_survey(struct survey *survey)
{
	struct ledger_cluster *cluster = survey->cluster;
	struct publish *publish = &cluster->publish;
	holders_reset(publish->holders);
	pthread_mutex_lock(&cluster->mutex);
	const struct ledger *ledger = cluster->ledger;
	bool good = cluster->synced[WATCH_PODS] && !ledger_behind(ledger);
	uint32_t count = policy_quota_count(ledger_policy(ledger));
	survey->held = good ? calloc(count + 1, sizeof *survey->held) : NULL;
	if (survey->held) {
		survey->policy = ledger_policy(ledger);
		policy_retain(survey->policy);
		survey->version = ledger_view_version(ledger);
		memcpy(survey->former, publish->former, sizeof survey->former);
		memcpy(survey->held, ledger_held(ledger), count * sizeof *survey->held);
		ledger_namespaces_sum(ledger, publish->holders);
	}
	pthread_mutex_unlock(&cluster->mutex);
	if (survey->held)
		holders_sort(publish->holders);
	return survey->held;
}

/* Finds the rows of a policy that is new here. False without memory. */
static bool map_quotas(struct ledger_cluster *cluster, const struct policy *policy, int64_t now_ms)
{
	struct publish *publish = &cluster->publish;
	char digest[QUOTA_DIGEST_SIZE], name[QUOTA_NAME_MAX + 1];
	quota_summary_digest(policy, digest);
	if (publish->quotas && strcmp(digest, publish->policy) == 0)
		return true;
	uint32_t count = policy_quota_count(policy);
	struct publish_row **quotas = calloc(count + 1, sizeof(struct publish_row *));
	if (!quotas)
		return false;
	free(publish->quotas);
	publish->quotas = quotas;
	publish->quota_count = count;
	publish->hash = quota_text_hash(str_of(digest));
	memcpy(publish->policy, digest, sizeof digest);
	for (uint32_t i = 0; i < publish->rows.count; i++)
		publish->rows.items[i]->known = false;
	for (uint32_t i = 0; i < count; i++) {
		struct quota_view view;
		policy_quota(policy, i, &view);
		quota_document_name(view.tenant, view.name, name);
		quotas[i] = publish_rows_find(&publish->rows, name, PUBLISH_ROWS_MAX, cluster);
		if (quotas[i])
			quotas[i]->known = true;
	}
	publish_rows_drop(&publish->rows, now_ms);
	return true;
}

static bool may_begin(const struct survey *survey)
{
	const struct publish *publish = &survey->cluster->publish;
	return publish->busy < BUSY_MAX && survey->begun < BUSY_MAX && survey->now.now_ms >= publish->again_ms;
}

static void step(struct survey *survey, struct publish_row *row, struct quota_document *document)
{
	survey->now.jitter_ms = kube_random(survey->cluster->options.loop, 0, PLAN_JITTER_MS);
	enum quota_step next = quota_plan_step(&row->plan, &survey->now);
	if (next == QUOTA_REST || !may_begin(survey))
		return;
	survey->begun++;
	quota_plan_begun(&row->plan, next, &survey->now);
	if (next == QUOTA_DELETE)
		delete_row(row);
	else if (document)
		write_row(row, document, survey->version);
}

static void compare_all(struct survey *survey)
{
	struct ledger_cluster *cluster = survey->cluster;
	struct publish *publish = &cluster->publish;
	struct quota_document document;
	/* Replicas that begin at different quotas share the work. */
	uint32_t first =
	    publish->quota_count > 0 ? (uint32_t)kube_random(cluster->options.loop, 0, publish->quota_count - 1) : 0;
	for (uint32_t i = 0; i < publish->quota_count; i++) {
		uint32_t quota = (first + i) % publish->quota_count;
		struct publish_row *row = publish->quotas[quota];
		arena_reset(&cluster->scratch);
		if (!row || quota_summarize(survey->policy, quota, survey->held, publish->holders, &cluster->scratch,
					    &document) < 0)
			continue;
		quota_plan_want(&row->plan, true, quota_document_content(&document), survey->now.now_ms);
		step(survey, row, &document);
	}
	for (uint32_t i = 0; i < publish->rows.count; i++) {
		struct publish_row *row = publish->rows.items[i];
		if (row->known)
			continue;
		quota_plan_want(&row->plan, false, 0, survey->now.now_ms);
		step(survey, row, NULL);
	}
}

/* Takes what the survey holds. */
static void publish_survey(struct survey *survey, int64_t now_ms)
{
	struct publish *publish = &survey->cluster->publish;
	if (map_quotas(survey->cluster, survey->policy, now_ms)) {
		survey->now =
		    (struct quota_plan_now){.now_ms = now_ms, .pod_version = survey->version, .policy = publish->hash};
		memcpy(survey->now.former, survey->former, sizeof survey->former);
		compare_all(survey);
	}
	policy_release(survey->policy);
	free(survey->held);
	publish->survey_ms = now_ms + (kube_now_ms() - now_ms) * SURVEY_SHARE;
}

static void on_tick(void *context)
{
	struct ledger_cluster *cluster = context;
	struct publish *publish = &cluster->publish;
	int64_t now_ms = kube_now_ms();
	struct survey survey = {.cluster = cluster};
	if (publish->synced && now_ms >= publish->survey_ms && take_survey(&survey))
		publish_survey(&survey, now_ms);
	kube_timer_set(cluster->options.loop, &publish->timer,
		       TICK_MS + kube_random(cluster->options.loop, 0, TICK_MS / 2));
}

/* --- Life --- */

void publish_note_policy(struct ledger_cluster *cluster, const struct policy *policy)
{
	struct publish *publish = &cluster->publish;
	char digest[QUOTA_DIGEST_SIZE];
	quota_summary_digest(policy, digest);
	publish->former[publish->former_count++ % PLAN_FORMER_MAX] = quota_text_hash(str_of(digest));
}

int publish_open(struct ledger_cluster *cluster, struct error *err)
{
	struct publish *publish = &cluster->publish;
	const struct kube_watch_options options = {
	    .name = "gpuquotas",
	    .path = QUOTAS_PATH,
	    .events = {on_begin, on_listed, on_synced, on_changed, on_bookmark, cluster, NULL, on_failed},
	    .log = cluster->options.log,
	};
	buf_init(&publish->body, BODY_MAX);
	publish->timer = (struct kube_timer){.run = on_tick, .context = cluster};
	publish->holders = holders_create();
	if (!publish->holders)
		return error_set(err, "there is no memory for the sums of quotas");
	publish->watch = kube_watch_create(cluster->options.loop, cluster->options.client, &options, err);
	if (!publish->watch)
		return -1;
	kube_watch_start(publish->watch);
	kube_timer_set(cluster->options.loop, &publish->timer, TICK_MS);
	return 0;
}

void publish_close(struct ledger_cluster *cluster)
{
	struct publish *publish = &cluster->publish;
	kube_timer_clear(cluster->options.loop, &publish->timer);
	kube_watch_destroy(publish->watch);
	publish_rows_release(&publish->rows);
	free(publish->quotas);
	holders_destroy(publish->holders);
	buf_release(&publish->body);
}
