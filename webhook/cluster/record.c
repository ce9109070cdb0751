/*
 * record: reads, writes, creates, settles and opens the record, the ledger object that all
 * replicas share. At most one write is in flight. The copy is only replaced by a newer state,
 * unless the record turns out to be of another history.
 */
#include <inttypes.h>
#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/ledger/codec.h"

#define READ_MS 4000
/* Far below the timeout of a webhook; an unknown outcome costs no more than a conflict. */
#define WRITE_MS 4000
#define AGAIN_MS 300
/* Without a watch of the record for this long, the record is read instead. */
#define LOST_MS 3000
/*
 * How long after a failed write another one is tried, whether or not there is something to write.
 */
#define UNWRITTEN_MS 10000

static void set_state(struct ledger_cluster *cluster, enum record_state state)
{
	cluster->record.state = state;
	atomic_store(&cluster->state, state);
}

/* Notes that the record cannot be read or written. Reports only the first of several failures. */
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

/*
 * Notes that the record can be used again. A successful read does not prove that writes work: after
 * a failed write, only a successful write ends the failure.
 */
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

/* Writes the record against the copy with PUT, or creates it with POST if there is no copy. */
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

/* Counts and logs that the record has to settle, unless that was reported before (`reported`). */
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

/*
 * Creates the record. One that this replica never saw has not been deleted: the installation is
 * new.
 */
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
 * Starts the settle time, which this replica's own clock measures. A settling record is only
 * written to make the record settle again. A newer one may thus follow an open one that this
 * replica never saw, so the time starts again in any case.
 */
static void begin_settling(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	record->open_ms = kube_now_ms() + cluster->options.settle_ms;
	record->open_version = 0;
	set_state(cluster, RECORD_SETTLING);
}

/*
 * A newer version of gpugate wrote the record and knows what is pending. The record is left alone
 * until that version or an operator writes another.
 */
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
 * [read] Replaces the copy by a state that is newer or of another history. Returns false if there
 * is no memory for it: the old copy stays, but nothing is written against it any more.
 */
static bool apply(struct ledger_cluster *cluster, const struct ledger_document *document, uint64_t resource_version)
{
	struct record *record = &cluster->record;
	struct error err = {0};
	uint64_t version = 0;
	bool open = str_eq(document->opened, document->uid), reported = record->reset_pending,
	     was_open = record->state == RECORD_OPEN,
	     sound = document->version.len == 0 || kube_version(document->version, &version);
	/* A newer form is not validated, because its fields may have another meaning. */
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
	record->invalidated = record->invalidated && open; /* Until one is read that settles. */
	if (good && open && !record->invalidated) {
		set_state(cluster, RECORD_OPEN);
		return true;
	}
	begin_settling(cluster);
	if (good && !record->invalidated) {
		note_settling(cluster, "ledger_settles",
			      "the ledger was deleted, or written so that it has to settle: by another replica, whose "
			      "log says why, or by somebody else",
			      /* Otherwise it is settling already, and the reason was logged. */
			      reported || !was_open);
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
 * Takes a record that was read, if it is newer than the copy. `current` means that a read returned
 * it which began when the copy was already there; an older record is then of another history.
 * Returns false if it cannot be used.
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

/* Reads the record again after a randomized delay. */
static void schedule_read(struct ledger_cluster *cluster)
{
	struct kube_loop *loop = cluster->options.loop;
	kube_timer_set(loop, &cluster->record.again, AGAIN_MS + kube_random(loop, 0, AGAIN_MS));
}

static void on_again(void *context)
{
	record_read(context);
}

/*
 * A 409, or a 404 to a PUT, means that the copy is old. After any other failure the outcome is
 * unknown.
 */
static void on_written(void *context, const struct kube_answer *answer)
{
	struct ledger_cluster *cluster = context;
	struct record *record = &cluster->record;
	bool conflict = answer->status == 409 || (answer->status == 404 && !record->posting);
	bool written = (answer->status == 200 || answer->status == 201) && apply_json(cluster, answer->body, false);
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
	/* The watch may have delivered the state that won: then no read is needed. */
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
		record_read(cluster); /* A reset is also written against a fresh copy only. */
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

/*
 * Without its watch, reads the record at every tick. The record may not be needed for hours, and a
 * loss must be noticed before it is.
 */
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

/*
 * After a failed write, tries another one now and then, even if there is nothing to write. No write
 * may be needed for hours, and a recovery must be noticed before one is.
 */
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
 * [open] Opens the record if the view has reached the version that the cluster had reached after
 * the settle time. A Pod that was admitted before is stored at or below that version, or never. So
 * this view shows all of them, and so does any view that has reached the newest event of this one.
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

/* --- The watch of the record --- */

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

/* A list without the record, or with an older version, proves nothing: a read decides. */
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
