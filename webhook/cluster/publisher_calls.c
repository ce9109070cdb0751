#include "webhook/cluster/publisher_calls.h"

#include <inttypes.h>
#include <stdio.h>

#include "webhook/quota/plan.h"

#define WRITE_MS 5000
#define BACKOFF_MS 2000
#define BACKOFF_MAX_MS 60000

/* --- Published objects --- */

void publish_note_list(struct publish *publish, struct publish_row *row, bool listed)
{
	if (row->list == publish->list)
		return;
	if (listed)
		quota_plan_listing(&row->plan);
	else
		quota_plan_gone(&row->plan);
	row->list = publish->list;
}

/* Notes a published object. `own`: it is the answer to a write by this replica. */
static void see(struct ledger_cluster *cluster, struct str json, bool gone, bool own)
{
	struct publish *publish = &cluster->publish;
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
	struct publish_row *row = publish_rows_find(&publish->rows, name, gone ? 0 : PUBLISH_UNKNOWN_MAX, cluster);
	if (!row)
		return;
	kube_version(document.pod_version, &seen.pod_version);
	seen.content = quota_document_content(&document);
	seen.policy = quota_text_hash(document.policy);
	publish_note_list(publish, row, true);
	quota_plan_seen(&row->plan, &seen, kube_now_ms());
	if (own)
		quota_plan_written(&row->plan, seen.resource_version);
	if (gone && row->plan.resource_version <= seen.resource_version)
		quota_plan_gone(&row->plan);
	publish_rows_queue(&publish->rows, row, publish->synced ? PUBLISH_CHANGED : PUBLISH_COMPARED);
}

static void on_begin(void *context)
{
	struct publish *publish = &((struct ledger_cluster *)context)->publish;
	publish->synced = false;
	publish->list++;
}

static void on_listed(void *context, struct str json)
{
	see(context, json, false, false);
}

static void on_synced(void *context, uint64_t version)
{
	struct publish *publish = &((struct ledger_cluster *)context)->publish;
	(void)version;
	publish_rows_rescan(&publish->rows);
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

/* Pauses publishing for a while. Logs only the first of several failures. */
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

/*
 * Neither a conflict nor a missing object is a failure: another replica was faster, and the watch
 * reports what it did.
 */
static void note_result(struct ledger_cluster *cluster, const struct kube_response *response, enum cluster_count good)
{
	if (response->status == 200 || response->status == 201) {
		cluster_count(cluster, good);
		cluster->publish.backoff_ms = 0;
	} else if (response->status != 409 && response->status != 404) {
		note_failure(cluster, "written", response->problem ? response->problem : "no answer");
	}
}

/* Queues the row again whatever the result, because its quota may have changed meanwhile. */
static void end_call(struct publish_row *row)
{
	struct publish *publish = &((struct ledger_cluster *)row->context)->publish;
	row->plan.busy = false;
	publish->busy--;
	publish_rows_queue(&publish->rows, row, row->rank);
}

static void on_written(void *context, const struct kube_response *response)
{
	struct publish_row *row = context;
	struct ledger_cluster *cluster = row->context;
	end_call(row);
	note_result(cluster, response, COUNT_PUBLISHED);
	if (response->status == 200 || response->status == 201)
		see(cluster, response->body, false, true);
}

static void on_deleted(void *context, const struct kube_response *response)
{
	struct publish_row *row = context;
	struct ledger_cluster *cluster = row->context;
	end_call(row);
	note_result(cluster, response, COUNT_RETIRED);
	if (response->status == 200)
		quota_plan_gone(&row->plan);
}

static void call(struct publish_row *row, const char *method, const char *query, const char *content_type,
		 void (*done)(void *context, const struct kube_response *response))
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
		done(row, &(struct kube_response){.problem = "there is no memory for it"});
	else
		kube_call(cluster->options.background, &(struct kube_call){.method = method,
									   .path = path.ptr,
									   .content_type = content_type,
									   .body = buf_view(&cluster->publish.body),
									   .timeout_ms = WRITE_MS,
									   .done = done,
									   .context = row});
	buf_release(&path);
}

void publish_write(struct publish_row *row, struct quota_document *document, uint64_t pod_version)
{
	struct publish *publish = &((struct ledger_cluster *)row->context)->publish;
	char resource_version[24], view[24];
	snprintf(resource_version, sizeof resource_version, "%" PRIu64, row->plan.resource_version);
	snprintf(view, sizeof view, "%" PRIu64, pod_version);
	document->name = str_of(row->name);
	document->pod_version = str_of(view);
	document->policy = str_of(publish->digest);
	if (row->plan.published)
		document->resource_version = str_of(resource_version);
	buf_reset(&publish->body);
	quota_document_write(&publish->body, document);
	call(row, "PATCH", "?fieldManager=gpugate&force=true", "application/apply-patch+yaml", on_written);
}

void publish_delete(struct publish_row *row)
{
	struct buf *body = &((struct ledger_cluster *)row->context)->publish.body;
	buf_reset(body);
	buf_printf(body,
		   "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{\"resourceVersion\":\"%" PRIu64
		   "\"}}",
		   row->plan.resource_version);
	call(row, "DELETE", "", "application/json", on_deleted);
}

/* Without a list it is unknown what is published, and nothing is written. */
static void on_failed(void *context, unsigned status, const char *problem)
{
	(void)status;
	note_failure(context, "listed", problem);
}

const struct kube_watch_events publish_events = {on_begin,    on_listed, on_synced, on_changed,
						 on_bookmark, NULL,      NULL,      on_failed};
