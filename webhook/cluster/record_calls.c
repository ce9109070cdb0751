#include "webhook/cluster/record_calls.h"

#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/ledger/codec.h"

#define READ_MS 4000
/* Far below the timeout of a webhook; an unknown outcome costs no more than a conflict. */
#define WRITE_MS 4000

/* Records that the ledger object cannot be read or written. Reports only the first failure. */
static void note_failure(struct ledger_cluster *cluster, const char *doing, const struct kube_response *response)
{
	struct record *record = &cluster->record;
	snprintf(record->problem, sizeof record->problem, "%s the ledger failed: %s", doing,
		 response->problem ? response->problem : "no answer");
	if (!record->failing) {
		cluster_log(cluster, LOG_ERROR, "ledger_outage", record->problem);
		if (cluster->options.tell)
			cluster->options.tell(cluster->options.notify_context, true, "LedgerOutage", record->problem);
	}
	record->failing = true;
}

/*
 * Ends a failure. A successful read does not prove that writes work: after a failed write, only a
 * successful write ends the failure.
 */
static void note_success(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	if (!record->failing || record->unwritten_ms)
		return;
	record->failing = false;
	cluster_log(cluster, LOG_INFO, "ledger_recovered", "the ledger can be read and written again");
	if (cluster->options.tell)
		cluster->options.tell(cluster->options.notify_context, false, "LedgerRecovered",
				      "the ledger can be read and written again");
}

/* --- Writing --- */

/*
 * A 409, or a 404 for a PUT, means that the copy is stale. After any other failure, the outcome is
 * unknown.
 */
static void end_write(struct ledger_cluster *cluster, const struct kube_response *response)
{
	struct record *record = &cluster->record;
	bool conflict = response->status == 409 || (response->status == 404 && !record->posting);
	bool written =
	    (response->status == 200 || response->status == 201) && record_apply(cluster, response->body, false);
	record->writing = false;
	if (written && record->resource_version == record->version_put && record->state == RECORD_SETTLING)
		/*
		 * The record was settling already. The API server stores no write that changes
		 * nothing, and assigns no new version.
		 */
		record->reset_pending = false;
	cluster_count(cluster, written ? COUNT_WRITTEN : conflict ? COUNT_CONFLICTS : COUNT_UNKNOWN);
	pthread_mutex_lock(&cluster->mutex);
	ledger_resolve(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	/* The watch may already have delivered the newer state; then no read is needed. */
	record->stale = !written && !(conflict && record->resource_version > record->version_put);
	record->outcome = written ? WRITE_DONE : conflict ? WRITE_CONFLICT : WRITE_UNKNOWN;
	if (!conflict)
		record->unwritten_ms = written ? 0 : kube_now_ms();
	if (written)
		note_success(cluster);
	else if (!conflict)
		note_failure(cluster, record->posting ? "creating" : "writing", response);
	if (conflict && record->stale)
		record->wants_read = true; /* A reset, too, is written only against a fresh copy. */
	else if (!written && !conflict)
		record_read_later(cluster);
	else if (record->reset_pending)
		record->wants_settling = true;
	cluster->step(cluster);
}

static void on_written(void *context, const struct kube_response *response)
{
	end_write(context, response);
}

/* Records that a write against the copy begins: a PUT, or a POST if there is no copy. */
static void begin_write(struct record *record)
{
	record->posting = record->resource_version == 0;
	record->writing = true;
	record->version_put = record->resource_version;
}

/* Updates the ledger object against the copy, or creates it. */
static void write_document(struct ledger_cluster *cluster, const struct ledger_versions *versions, struct str opened,
			   struct str pending)
{
	static const char put[] = LEDGER_OBJECT_PATH "?fieldManager=gpugate&fieldValidation=Ignore&timeout=3s";
	static const char post[] = LEDGER_OBJECTS_PATH "?fieldManager=gpugate&fieldValidation=Ignore&timeout=3s";
	struct record *record = &cluster->record;
	begin_write(record);
	buf_reset(&record->body);
	ledger_document_write(&record->body, record->resource_version, versions, opened, pending);
	kube_call(cluster->options.client, &(struct kube_call){.method = record->posting ? "POST" : "PUT",
							       .path = record->posting ? post : put,
							       .body = buf_view(&record->body),
							       .timeout_ms = WRITE_MS,
							       .done = on_written,
							       .context = cluster});
}

void record_write(struct ledger_cluster *cluster)
{
	struct buf pending;
	struct ledger_versions versions;
	buf_init(&pending, LEDGER_TEXT_MAX);
	pthread_mutex_lock(&cluster->mutex);
	ledger_encode(cluster->ledger, kube_now_ms(), &pending, &versions);
	pthread_mutex_unlock(&cluster->mutex);
	if (!pending.failed) {
		write_document(cluster, &versions, str_of(cluster->record.uid), buf_view(&pending));
	} else {
		begin_write(&cluster->record);
		end_write(cluster,
			  &(struct kube_response){.problem = "what is pending is longer than an object may be"});
	}
	buf_release(&pending);
}

/*
 * [open] Opens the record if the view has reached the version that the cluster had reached after
 * the settle time. A Pod that was admitted before is stored at or below that version, or never. So
 * this view shows all such Pods, and so does any view that has reached this view's newest event.
 */
static bool may_open(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	uint64_t version = cluster->record.open_versions.of[kind];
	return version && !cluster->view.parts[kind].listing && view_is_listed(cluster, kind) &&
	       ledger_view_version(cluster->ledger, kind) >= version;
}

static void try_open(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	struct ledger_versions versions;
	if (record->state != RECORD_SETTLING || record->reset_pending || record->writing)
		return;
	pthread_mutex_lock(&cluster->mutex);
	bool ready = view_all(cluster, may_open);
	ledger_newest(cluster->ledger, &versions);
	pthread_mutex_unlock(&cluster->mutex);
	if (!ready)
		return;
	cluster_log(cluster, LOG_INFO, "ledger_opened", "the ledger has settled");
	write_document(cluster, &versions, str_of(record->uid), STR(""));
}

void record_write_state(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	bool settle = record->wants_settling, may_open = record->may_open;
	const struct ledger_versions none = {{0}};
	record->wants_settling = record->may_open = false;
	if (settle && !record->writing)
		write_document(cluster, &none, STR(""), STR(""));
	if (may_open)
		try_open(cluster);
}

/* --- Reading --- */

static void on_read(void *context, const struct kube_response *response)
{
	struct ledger_cluster *cluster = context;
	struct record *record = &cluster->record;
	bool current = record->version_asked >= record->resource_version;
	record->reading = false;
	if (response->status == 200 && record_apply(cluster, response->body, current)) {
		record->stale = false;
		record->read = record->reads;
		note_success(cluster);
	} else if (response->status == 404 && current) {
		record_note_missing(cluster);
	} else {
		if (response->status != 200 && response->status != 404)
			note_failure(cluster, "reading", response);
		record_read_later(cluster);
	}
	cluster->step(cluster);
}

void record_read(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	if (record->reading)
		return;
	record->reading = true;
	record->reads++;
	record->version_asked = record->resource_version;
	kube_timer_clear(cluster->options.loop, &record->again);
	kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
							       .path = LEDGER_OBJECT_PATH,
							       .timeout_ms = READ_MS,
							       .retry = true,
							       .done = on_read,
							       .context = cluster});
}
