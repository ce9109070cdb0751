/*
 * ledger_object: the shared object: read, written by compare-and-swap, created, settled, opened. At most one write is under
 * way; a copy is replaced by a newer one only.
 */
#include <inttypes.h>
#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/ledger/codec.h"

#define READ_MS 4000
#define WRITE_MS 4000 /* far below what a webhook's caller waits; an unknown outcome is no worse than a conflict */
#define AGAIN_MS 300
#define LOST_MS 3000       /* without a watch of the object */
#define UNWRITTEN_MS 10000 /* after a write that failed another one is tried, needed or not */

static void set_state(struct ledger_cluster *cluster, enum record_state state)
{
	cluster->record.state = state;
	atomic_store(&cluster->state, state);
}

/* Notes that the object cannot be reached, or can be again; says so once. */
static void note_failure(struct ledger_cluster *cluster, const char *doing, const struct kube_answer *answer)
{
	struct record *record = &cluster->record;
	snprintf(record->problem, sizeof record->problem, "%s the ledger failed: %s", doing,
		 answer->problem ? answer->problem : "no answer");
	if (!record->failing) {
		cluster_log(cluster, LOG_ERROR, "ledger_outage", record->problem);
		if (cluster->options.tell)
			cluster->options.tell(cluster->options.tell_context, true, "LedgerOutage", record->problem);
	}
	record->failing = true;
}

/* A read says nothing of writes: where these fail, only one that succeeds ends that. */
static void note_success(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	if (!record->failing || record->unwritten_ms)
		return;
	record->failing = false;
	cluster_log(cluster, LOG_INFO, "ledger_recovered", "the ledger can be read and written again");
	if (cluster->options.tell)
		cluster->options.tell(cluster->options.tell_context, false, "LedgerRecovered",
				      "the ledger can be read and written again");
}

/* --- Writing --- */

static void on_written(void *context, const struct kube_answer *answer);

/* PUTs the object against the copy, or POSTs it where there is none. */
static void write_document(struct ledger_cluster *cluster, uint64_t version, struct str opened, struct str pending)
{
	static const char put[] = LEDGER_OBJECT_PATH "?fieldManager=gpugate&fieldValidation=Ignore&timeout=3s";
	static const char post[] = LEDGER_OBJECTS_PATH "?fieldManager=gpugate&fieldValidation=Ignore&timeout=3s";
	struct record *record = &cluster->record;
	record->posting = record->resource_version == 0;
	record->writing = true;
	record->version_put = record->resource_version;
	buf_reset(&record->body);
	ledger_document_write(&record->body, record->resource_version, version, opened, pending);
	kube_call(cluster->options.client, &(struct kube_call){.method = record->posting ? "POST" : "PUT",
							       .path = record->posting ? post : put,
							       .body = buf_view(&record->body),
							       .timeout_ms = WRITE_MS,
							       .done = on_written,
							       .context = cluster});
}

bool record_is_writable(const struct ledger_cluster *cluster)
{
	const struct record *record = &cluster->record;
	return record->state == RECORD_OPEN && !record->writing && !record->stale && !record->reset_pending;
}

void record_write(struct ledger_cluster *cluster)
{
	struct buf pending;
	uint64_t version;
	buf_init(&pending, LEDGER_TEXT_MAX);
	pthread_mutex_lock(&cluster->mutex);
	ledger_encode(cluster->ledger, kube_now_ms(), &pending, &version);
	pthread_mutex_unlock(&cluster->mutex);
	if (!pending.failed)
		write_document(cluster, version, str_of(cluster->record.uid), buf_view(&pending));
	else
		on_written(cluster,
			   &(struct kube_answer){.problem = "what is pending is longer than an object may be"});
	buf_release(&pending);
}

void record_lower_form(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
	bool ahead = ledger_form_is_ahead(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	if (ahead && record_is_writable(cluster) && maintenance_is_current(cluster))
		record_write(cluster);
}

static void write_settling(struct ledger_cluster *cluster)
{
	if (!cluster->record.writing)
		write_document(cluster, 0, STR(""), STR(""));
}

/* Counts and logs that the object has to settle, unless that is under way: `told`. */
static void note_settling(struct ledger_cluster *cluster, const char *event, const char *why, bool reported)
{
	if (reported)
		return;
	cluster_count(cluster, COUNT_RESETS);
	cluster_log(cluster, LOG_WARN, event, why);
}

static void reset(struct ledger_cluster *cluster, const char *why, bool reported)
{
	note_settling(cluster, "ledger_settles", why, reported);
	cluster->record.reset_pending = true;
	write_settling(cluster);
}

void record_reset(struct ledger_cluster *cluster, const char *why)
{
	reset(cluster, why, false);
}

void record_invalidate(struct ledger_cluster *cluster)
{
	cluster->record.invalidated = true;
	record_read(cluster);
}

static bool had_record(const struct ledger_cluster *cluster)
{
	return cluster->record.state >= RECORD_SETTLING;
}

/* What was never seen has not been deleted: that is an installation's beginning. */
static void create(struct ledger_cluster *cluster)
{
	if (had_record(cluster))
		note_settling(cluster, "ledger_created",
			      "the ledger was deleted; it is created again, and settles before anything is admitted",
			      false);
	else if (cluster->record.state != RECORD_MISSING)
		cluster_log(cluster, LOG_WARN, "ledger_created",
			    "there is no ledger; it is created, and settles before anything is admitted");
	set_state(cluster, RECORD_MISSING);
	cluster->record.resource_version = 0;
	cluster->record.uid[0] = '\0';
	write_settling(cluster);
}

/* --- Copies --- */

/*
 * From now on this replica's own clock tells when the object may be opened. Nobody writes one that settles but to have it
 * settle anew: a newer one was perhaps open in between, unseen, so the time begins again even if this replica saw it settle before.
 */
static void begin_settling(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	record->open_ms = kube_now_ms() + cluster->options.settle_ms;
	record->open_version = 0;
	set_state(cluster, RECORD_SETTLING);
}

/* Another version of gpugate wrote it, and knows what is pending. It is left alone until such a one, or a person, writes another. */
static void enter_newer(struct ledger_cluster *cluster, const char *why)
{
	struct record *record = &cluster->record;
	snprintf(record->newer, sizeof record->newer, "the ledger cannot be read: %s", why);
	if (record->state != RECORD_NEWER) {
		cluster_log(cluster, LOG_ERROR, "ledger_newer", record->newer);
		if (cluster->options.tell)
			cluster->options.tell(cluster->options.tell_context, true, "LedgerNewer", record->newer);
	}
	set_state(cluster, RECORD_NEWER);
}

/*
 * [read] Takes a copy that is newer than the one at hand, or of another history. Returns false where there is no memory for it: the copy
 * at hand stays then, and is too old to be written against.
 */
static bool apply(struct ledger_cluster *cluster, const struct ledger_document *document, uint64_t resource_version)
{
	struct record *record = &cluster->record;
	struct error err = {0};
	uint64_t version = 0;
	bool open = str_eq(document->opened, document->uid), reported = record->reset_pending,
	     was_open = record->state == RECORD_OPEN,
	     sound = document->version.len == 0 || kube_version(document->version, &version);
	/* Of a newer form nothing is judged: another version may have another meaning there. */
	sound = sound || ledger_text_form(document->pending) > LEDGER_FORM;
	pthread_mutex_lock(&cluster->mutex);
	int result =
	    sound ? ledger_load(cluster->ledger, version, document->pending, kube_now_ms(), &err) : LEDGER_TEXT_CORRUPT;
	pthread_mutex_unlock(&cluster->mutex);
	if (result == LEDGER_TEXT_NO_MEMORY) {
		cluster_log(cluster, LOG_ERROR, "ledger_unreadable", err.text);
		record->stale = true;
		return false;
	}
	record->resource_version = resource_version;
	record->stale = record->reset_pending = false;
	snprintf(record->uid, sizeof record->uid, "%.*s", STR_ARG(document->uid));
	if (result == LEDGER_TEXT_UNKNOWN) {
		enter_newer(cluster, err.text);
		return true;
	}
	bool good = result == LEDGER_TEXT_READ;
	record->invalidated = record->invalidated && open; /* until it is one that settles */
	if (good && open && !record->invalidated) {
		set_state(cluster, RECORD_OPEN);
		return true;
	}
	begin_settling(cluster);
	if (good && !record->invalidated) {
		note_settling(cluster, "ledger_settles",
			      "the ledger was deleted, or written so that it has to settle: by another replica, whose "
			      "log says why, or by somebody else",
			      reported || !was_open); /* else it settles already, and its reason has been said */
		return true;
	}
	error_set(&err,
		  good ? "the cluster's storage was restored; the ledger settles again" : "spec.version is no number");
	if (!good)
		error_wrap(&err, "the ledger cannot be read, and settles again");
	reset(cluster, err.text, reported);
	return true;
}

/*
 * Takes an object if it is newer than the copy. `current`: a read has just found it that began when the copy was there already;
 * then an older one is of another history.
 */
static bool apply_json(struct ledger_cluster *cluster, struct str json, bool current)
{
	struct record *record = &cluster->record;
	struct ledger_document document;
	struct error err = {0};
	uint64_t resource_version = 0;
	arena_reset(&cluster->scratch);
	if (ledger_document_read(json, &cluster->scratch, &document, &err) < 0 ||
	    !kube_version(document.resource_version, &resource_version)) {
		cluster_count(cluster, COUNT_UNREADABLE);
		error_set(&err, "metadata.resourceVersion is no number");
		cluster_log(cluster, LOG_ERROR, "ledger_unreadable", err.text);
		return false;
	}
	if (!str_eq(document.name, STR("cluster")))
		return true;
	record->listed = true;
	if (current && resource_version < record->resource_version) {
		record->invalidated = true;
		watches_restart(cluster);
	}
	if (resource_version > record->resource_version || (current && record->invalidated))
		return apply(cluster, &document, resource_version);
	return true;
}

/* --- Results --- */

static void schedule_read(struct ledger_cluster *cluster)
{
	struct kube_loop *loop = cluster->options.loop;
	kube_timer_set(loop, &cluster->record.again, AGAIN_MS + kube_random(loop, 0, AGAIN_MS));
}

static void on_again(void *context)
{
	record_read(context);
}

/* A PUT that finds nothing, and a conflict, tell that the copy is old; of any other failure the outcome is not known. */
static void on_written(void *context, const struct kube_answer *answer)
{
	struct ledger_cluster *cluster = context;
	struct record *record = &cluster->record;
	bool conflict = answer->status == 409 || (answer->status == 404 && !record->posting);
	bool written = (answer->status == 200 || answer->status == 201) && apply_json(cluster, answer->body, false);
	record->writing = false;
	if (written && record->resource_version == record->version_put && record->state == RECORD_SETTLING)
		record->reset_pending =
		    false; /* it said so already: the API server writes nothing then, and gives no new version */
	cluster_count(cluster, written ? COUNT_WRITTEN : conflict ? COUNT_CONFLICTS : COUNT_UNKNOWN);
	pthread_mutex_lock(&cluster->mutex);
	ledger_resolve(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	/* The watch may have brought the copy that was there first: then nothing has to be read. */
	record->stale = !written && !(conflict && record->resource_version > record->version_put);
	queue_pause(cluster, conflict);
	if (!conflict)
		record->unwritten_ms = written ? 0 : kube_now_ms();
	if (written)
		note_success(cluster);
	else if (!conflict)
		note_failure(cluster, record->posting ? "creating" : "writing", answer);
	queue_write_ended(cluster, written);
	if (conflict && record->stale)
		record_read(cluster); /* what has to settle, too, is written against a fresh copy only */
	else if (!written && !conflict)
		schedule_read(cluster);
	else if (record->reset_pending)
		write_settling(cluster);
	queue_pump(cluster);
	record_lower_form(cluster);
}

static void on_read(void *context, const struct kube_answer *answer)
{
	struct ledger_cluster *cluster = context;
	struct record *record = &cluster->record;
	bool current = record->version_asked >= record->resource_version;
	record->reading = false;
	if (answer->status == 200 && apply_json(cluster, answer->body, current)) {
		record->stale = false;
		note_success(cluster);
		queue_retry(cluster, true);
	} else if (answer->status == 404 && current) {
		create(cluster);
	} else {
		if (answer->status != 200 && answer->status != 404)
			note_failure(cluster, "reading", answer);
		schedule_read(cluster);
	}
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

void record_open(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	buf_init(&record->body, LEDGER_TEXT_MAX + 4096);
	record->again = (struct kube_timer){.run = on_again, .context = cluster};
}

/* --- Opening --- */

/* Nothing may ask for the object for hours: without its watch, a read tells whether it is there, before somebody needs it. */
static void read_if_unwatched(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct record *record = &cluster->record;
	if (kube_watch_live(cluster->watches[WATCH_RECORD]))
		record->lost_ms = 0;
	else if (!record->lost_ms)
		record->lost_ms = now_ms;
	else if (now_ms - record->lost_ms > LOST_MS && !record->failing)
		record_read(cluster);
}

/* Nothing may need a write for hours: one that changes nothing tells whether it can be made again. */
static void probe_write(struct ledger_cluster *cluster, int64_t now_ms)
{
	int64_t unwritten_ms = cluster->record.unwritten_ms;
	if (unwritten_ms && now_ms - unwritten_ms >= UNWRITTEN_MS && record_is_writable(cluster) &&
	    maintenance_is_current(cluster))
		record_write(cluster);
}

bool record_wants_version(const struct ledger_cluster *cluster, int64_t now_ms)
{
	const struct record *record = &cluster->record;
	return record->state == RECORD_SETTLING && !record->reset_pending && !record->open_version &&
	       now_ms >= record->open_ms;
}

/*
 * [open] What was admitted before the object settled was stored at a version that the cluster has reached since, or never will be:
 * a view that has got there shows all of it, and so does every view that reaches its last event.
 */
static void try_open(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	if (record->state != RECORD_SETTLING || record->reset_pending || !record->open_version || record->writing)
		return;
	pthread_mutex_lock(&cluster->mutex);
	bool ready = cluster->synced[WATCH_PODS] && ledger_view_version(cluster->ledger) >= record->open_version;
	uint64_t version = ledger_event_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	if (cluster->listing || !ready)
		return;
	cluster_log(cluster, LOG_INFO, "ledger_opens", "the ledger has settled");
	write_document(cluster, version, str_of(record->uid), STR(""));
}

void record_settled(struct ledger_cluster *cluster, uint64_t version)
{
	struct record *record = &cluster->record;
	record->open_version = version;
	try_open(cluster);
}

bool record_awaits_view(const struct ledger_cluster *cluster)
{
	return cluster->record.state == RECORD_SETTLING && cluster->record.open_version;
}

void record_tick(struct ledger_cluster *cluster, int64_t now_ms)
{
	read_if_unwatched(cluster, now_ms);
	probe_write(cluster, now_ms);
	record_lower_form(cluster);
	if (cluster->record.reset_pending)
		write_settling(cluster);
	try_open(cluster);
}

/* --- The watch of it --- */

static void on_begin(void *context)
{
	struct ledger_cluster *cluster = context;
	cluster->record.listed = false;
}

static void on_listed(void *context, struct str json)
{
	struct ledger_cluster *cluster = context;
	if (!apply_json(cluster, json, false))
		schedule_read(cluster);
	queue_pump(cluster);
	record_lower_form(cluster);
}

/* A list that lacks the object, or has an older one, is not proof enough: a read is. */
static void on_synced(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	pthread_mutex_lock(&cluster->mutex);
	cluster->synced[WATCH_RECORD] = true;
	pthread_mutex_unlock(&cluster->mutex);
	if (!cluster->record.listed || version < cluster->record.resource_version)
		record_read(cluster);
}

static void on_changed(void *context, bool gone, struct str json)
{
	struct ledger_cluster *cluster = context;
	if (gone)
		record_read(cluster);
	else
		on_listed(context, json);
}

static void on_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

const struct kube_watch_events record_events = {
    .begin = on_begin, .listed = on_listed, .synced = on_synced, .changed = on_changed, .bookmark = on_bookmark};
