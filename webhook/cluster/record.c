#include "webhook/cluster/record.h"

#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/ledger/codec.h"

/* Delay before a read after a failure; up to twice as long, at random. */
#define AGAIN_MS 300
/* Without a watch of the record for this long, the record is read instead. */
#define LOST_MS 3000
/*
 * How long after a failed write another one is tried, whether or not there is something to write.
 */
#define UNWRITTEN_MS 10000
/*
 * How often a missing version of claims is added: replicas of an older version leave it out again.
 */
#define CLAIMS_MS 10000

static void set_state(struct ledger_cluster *cluster, enum record_state state)
{
	cluster->record.state = state;
	atomic_store(&cluster->state, state);
}

/* --- Settling --- */

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
	note_settling(cluster, "ledger_settling", why, reported);
	cluster->record.reset_pending = cluster->record.wants_settling = true;
}

void record_invalidate(struct ledger_cluster *cluster)
{
	cluster->record.invalidated = cluster->record.wants_read = true;
}

static bool had_record(const struct ledger_cluster *cluster)
{
	return cluster->record.state >= RECORD_SETTLING;
}

/* A record that this replica never saw has not been deleted: the installation is new. */
void record_note_missing(struct ledger_cluster *cluster)
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
	cluster->record.wants_settling = true;
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
	record->open_versions = (struct ledger_versions){{0}};
	pthread_mutex_lock(&cluster->mutex);
	ledger_forget_claim_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
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
			cluster->options.tell(cluster->options.notify_context, true, "LedgerNewer", record->newer);
	}
	set_state(cluster, RECORD_NEWER);
}

/* Reads the versions of all kinds. Returns false if one is no number. */
static bool read_versions(const struct ledger_document *document, struct ledger_versions *versions)
{
	bool sound = true;
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		sound &=
		    document->versions[kind].len == 0 || kube_version(document->versions[kind], &versions->of[kind]);
	return sound;
}

/*
 * [read] Replaces the copy by a state that is newer or of another history. Returns false if there
 * is no memory for it: the old copy stays, but nothing is written against it any more.
 */
static bool apply(struct ledger_cluster *cluster, const struct ledger_document *document, uint64_t resource_version)
{
	struct record *record = &cluster->record;
	struct error err = {0};
	struct ledger_versions versions = {{0}};
	bool open = str_eq(document->opened, document->uid), reported = record->reset_pending,
	     was_open = record->state == RECORD_OPEN, sound = read_versions(document, &versions);
	/* A newer form is not validated, because its fields may have another meaning. */
	sound = sound || ledger_text_form(document->pending) > LEDGER_FORM;
	pthread_mutex_lock(&cluster->mutex);
	int result = sound ? ledger_load(cluster->ledger, versions, document->pending, kube_now_ms(), &err)
			   : LEDGER_TEXT_CORRUPT;
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
		note_settling(cluster, "ledger_settling",
			      "the ledger was deleted, or written so that it has to settle: by another replica, whose "
			      "log says why, or by somebody else",
			      /* Otherwise it is settling already, and the reason was logged. */
			      reported || !was_open);
		return true;
	}
	error_set(&err, good ? "the cluster's storage was restored; the ledger settles again"
			     : "spec.version or spec.claimVersion is no number");
	if (!good)
		error_wrap(&err, "the ledger cannot be read, and settles again");
	reset(cluster, err.text, reported);
	return true;
}

/*
 * Whether the version of claims has come back into view: an older definition of the resource hides
 * that field, and a newer one shows it again, without a change of the object.
 */
static bool gains_claim_version(struct ledger_cluster *cluster, const struct ledger_document *document)
{
	pthread_mutex_lock(&cluster->mutex);
	bool lacks = ledger_lacks_claim_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	return lacks && document->versions[CONSUMER_CLAIM].len;
}

bool record_apply(struct ledger_cluster *cluster, struct str json, bool current)
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
	if (current && resource_version < record->resource_version)
		record->invalidated = record->restored = true;
	if (resource_version > record->resource_version || (current && record->invalidated) ||
	    (resource_version == record->resource_version && gains_claim_version(cluster, &document)))
		return apply(cluster, &document, resource_version);
	return true;
}

/* --- What is wanted --- */

bool record_is_writable(const struct ledger_cluster *cluster)
{
	const struct record *record = &cluster->record;
	return record->state == RECORD_OPEN && !record->writing && !record->stale && !record->reset_pending;
}

bool record_form_is_ahead(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
	bool ahead = ledger_form_is_ahead(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	return ahead;
}

bool record_wants_probe(const struct ledger_cluster *cluster, int64_t now_ms)
{
	int64_t unwritten_ms = cluster->record.unwritten_ms;
	return unwritten_ms && now_ms - unwritten_ms >= UNWRITTEN_MS;
}

bool record_wants_version(const struct ledger_cluster *cluster, enum consumer_kind kind, int64_t now_ms)
{
	const struct record *record = &cluster->record;
	return record->state == RECORD_SETTLING && !record->reset_pending && !record->open_versions.of[kind] &&
	       now_ms >= record->open_ms;
}

bool record_awaits_view(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	return cluster->record.state == RECORD_SETTLING && cluster->record.open_versions.of[kind];
}

bool record_wants_claims(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct record *record = &cluster->record;
	if (cluster->claims_api.state != CLAIMS_API_SERVED || now_ms < record->claims_ms)
		return false;
	pthread_mutex_lock(&cluster->mutex);
	bool lacks = ledger_lacks_claim_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	if (lacks)
		record->claims_ms = now_ms + CLAIMS_MS;
	return lacks;
}

void record_take_version(struct ledger_cluster *cluster, const struct version_query *query)
{
	struct record *record = &cluster->record;
	if (query->version < query->ledger && record->state == RECORD_OPEN && strcmp(record->uid, query->uid) == 0)
		reset(cluster, "the ledger names a version that the cluster has not reached: it is of another history",
		      false);
	if (record_wants_version(cluster, query->kind, query->queried_ms)) {
		record->open_versions.of[query->kind] = query->version;
		record->may_open = true;
	}
}

/*
 * Without its watch, the record is read at every tick. It may not be needed for hours, and a loss
 * must be noticed before it is.
 */
static void read_if_unwatched(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct record *record = &cluster->record;
	if (kube_watch_live(cluster->watches[WATCH_RECORD]))
		record->lost_ms = 0;
	else if (!record->lost_ms)
		record->lost_ms = now_ms;
	else if (now_ms - record->lost_ms > LOST_MS && !record->failing)
		record->wants_read = true;
}

void record_tick(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct record *record = &cluster->record;
	read_if_unwatched(cluster, now_ms);
	record->wants_settling |= record->reset_pending;
	record->may_open = true;
}

/* --- The watch of the record, and the delay before a read --- */

static void on_again(void *context)
{
	struct ledger_cluster *cluster = context;
	cluster->record.wants_read = true;
	cluster->step(cluster);
}

void record_read_later(struct ledger_cluster *cluster)
{
	struct kube_loop *loop = cluster->options.loop;
	kube_timer_set(loop, &cluster->record.again, AGAIN_MS + kube_random(loop, 0, AGAIN_MS));
}

static void on_begin(void *context)
{
	struct ledger_cluster *cluster = context;
	cluster->record.listed = false;
}

static void on_listed(void *context, struct str json)
{
	struct ledger_cluster *cluster = context;
	if (!record_apply(cluster, json, false))
		record_read_later(cluster);
	cluster->step(cluster);
}

/* A list without the record, or with an older version, proves nothing: a read decides. */
static void on_synced(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	pthread_mutex_lock(&cluster->mutex);
	cluster->synced[WATCH_RECORD] = true;
	pthread_mutex_unlock(&cluster->mutex);
	if (!cluster->record.listed || version < cluster->record.resource_version)
		cluster->record.wants_read = true;
	cluster->step(cluster);
}

static void on_changed(void *context, bool gone, struct str json)
{
	struct ledger_cluster *cluster = context;
	if (!gone) {
		on_listed(context, json);
		return;
	}
	cluster->record.wants_read = true;
	cluster->step(cluster);
}

static void on_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

const struct kube_watch_events record_events = {
    .begin = on_begin, .listed = on_listed, .synced = on_synced, .changed = on_changed, .bookmark = on_bookmark};

void record_open(struct ledger_cluster *cluster)
{
	struct record *record = &cluster->record;
	buf_init(&record->body, LEDGER_TEXT_MAX + 4096);
	record->again = (struct kube_timer){.run = on_again, .context = cluster};
}
