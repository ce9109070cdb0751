/*
 * copy: the last state of the record that all replicas write: loading it, writing the next one, and
 * expiring.
 */
#include "webhook/ledger/codec.h"
#include "webhook/ledger/state.h"

struct loading {
	struct ledger *ledger;
	int64_t now_ms;
};

static bool same_models(const struct consumer *a, const struct consumer *b)
{
	bool same = a->model_count == b->model_count;
	for (uint32_t i = 0; same && i < a->model_count; i++)
		same = str_eq(a->models[i], b->models[i]);
	return same;
}

/*
 * Whether an entry has other facts than the copy that hold: it is a reservation that two replicas
 * renewed for the same Pod, or an unreadable Pod, which may have none.
 */
static bool is_outdated(const struct entry *entry, const struct consumer *consumer)
{
	const struct consumer *known = &entry->consumer;
	if (!consumer->reserved_seconds)
		return entry->state == ENTRY_UNREADABLE;
	return known->reserved_seconds != consumer->reserved_seconds || !consumer_same_requests(known, consumer) ||
	       !same_models(known, consumer);
}

static int load_entry(void *context, const struct consumer *consumer)
{
	struct loading *loading = context;
	struct ledger *ledger = loading->ledger;
	struct entry *entry = entry_find(&ledger->table, consumer->uid);
	if (!entry || is_outdated(entry, consumer)) {
		struct entry *old = entry;
		entry = entry_make(consumer, NULL);
		if (!entry)
			return -1;
		ledger_replace(ledger, old, entry);
	}
	if (!(entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE))) {
		entry->pending_ms = loading->now_ms;
		entry->due_version = 0;
		/* It had left the copy: this is another admission of the same uid. */
		entry->state &= (uint8_t)~ENTRY_EXPIRED;
	}
	entry->state |= ENTRY_PENDING;
	entry->copy = ledger->copy;
	ledger_update_booking(ledger, entry);
	return 0;
}

/* Removes a state from the entries that match `which`, and drops those that have no state left. */
static void strip(struct ledger *ledger, uint8_t state, bool (*which)(const struct ledger *, const struct entry *))
{
	for (struct entry *entry = ledger->pending, *next; entry; entry = next) {
		next = entry->pending_next;
		if (!(entry->state & state) || !which(ledger, entry))
			continue;
		entry->state &= (uint8_t)~state;
		/* Once it has left the copy, nothing of a reservation is remembered. */
		if (entry_is_reservation(entry) && !(entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE)))
			entry->state = 0;
		ledger_update_booking(ledger, entry);
		if (entry->state == 0)
			entry_drop(&ledger->table, entry);
	}
}

static bool is_of_older_copy(const struct ledger *ledger, const struct entry *entry)
{
	return entry->copy != ledger->copy;
}

static bool is_any(const struct ledger *ledger, const struct entry *entry)
{
	(void)ledger, (void)entry;
	return true;
}

static int count_entry(void *context, const struct consumer *consumer)
{
	(void)consumer;
	++*(uint32_t *)context;
	return 0;
}

/*
 * If a replica of an older version has left out the version of claims, or one has added a lower one
 * since, the largest that was known still holds: claims may have been folded up to it.
 */
static void take_versions(struct ledger *ledger, struct ledger_versions versions)
{
	struct kind_view *claims = &ledger->kinds[CONSUMER_CLAIM];
	ledger->lacks_claim_version = versions.of[CONSUMER_CLAIM] == 0;
	if (versions.of[CONSUMER_CLAIM] < claims->version && claims->version != UINT64_MAX)
		versions.of[CONSUMER_CLAIM] = claims->version;
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		ledger->kinds[kind].version = versions.of[kind];
}

int ledger_load(struct ledger *ledger, struct ledger_versions versions, struct str pending, int64_t now_ms,
		struct error *err)
{
	uint32_t count = 0;
	struct loading loading = {.ledger = ledger, .now_ms = now_ms};
	arena_reset(&ledger->scratch);
	int result = ledger_text_read(pending, &ledger->scratch, count_entry, &count, err);
	if (result < 0)
		return result; /* Nothing has changed yet. */
	ledger->copy++;
	arena_reset(&ledger->scratch);
	result = ledger_text_read(pending, &ledger->scratch, load_entry, &loading, err);
	if (result < 0)
		return result;
	strip(ledger, ENTRY_PENDING, is_of_older_copy);
	take_versions(ledger, versions);
	ledger->copy_form = ledger_text_form(pending);
	return 0;
}

bool ledger_behind(const struct ledger *ledger)
{
	bool behind = ledger->lost || ledger->mischarged;
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		behind |= !ledger->kinds[kind].absent && ledger->kinds[kind].view_version < ledger->kinds[kind].version;
	return behind;
}

uint64_t ledger_version(const struct ledger *ledger, enum consumer_kind kind)
{
	return ledger->kinds[kind].version;
}

void ledger_forget_claim_version(struct ledger *ledger)
{
	ledger->kinds[CONSUMER_CLAIM].version = 0;
}

bool ledger_lacks_claim_version(const struct ledger *ledger)
{
	return ledger->lacks_claim_version;
}

/*
 * Whether a write leaves a pending entry out: its Pod is gone, will never appear, or was first seen
 * long enough ago. A claim stays while the version of claims is not known to be stored, because its
 * event must be at or below that version.
 */
static bool is_left_out(const struct ledger *ledger, const struct entry *entry, int64_t now_ms)
{
	if (!entry_takes_text(entry))
		return true;
	if (entry->consumer.kind == CONSUMER_CLAIM && ledger->lacks_claim_version)
		return !ledger_text_fits(&entry->consumer);
	return entry_seen(entry) &&
	       (now_ms - entry->seen_ms >= ledger->options.fold_ms || !ledger_text_fits(&entry->consumer));
}

/*
 * The form in which what takes room in the text can be written. A text without claims can be
 * written in any form. One that has some needs a form with claims, even if that form is not to be
 * used any more.
 */
static unsigned form_needed(const struct ledger *ledger)
{
	unsigned form = ledger->form;
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next) {
		unsigned first = entry_takes_text(entry) ? ledger_text_first_form(&entry->consumer) : 0;
		form = first > form ? first : form;
	}
	return form;
}

/*
 * Where the copy has no version of claims, the newest event of the view takes its place. It may be
 * that claims were folded up to a version that an older replica has left out since. While claims
 * are being listed, the newest of them is not known, and the version is left to a later write.
 */
static uint64_t version_to_write(const struct ledger *ledger, enum consumer_kind kind)
{
	const struct kind_view *view = &ledger->kinds[kind];
	struct ledger_versions newest;
	ledger_newest(ledger, &newest);
	bool adds = kind == CONSUMER_CLAIM && ledger_lacks_claim_version(ledger) && !view->listing;
	return adds && newest.of[kind] > view->version ? newest.of[kind] : view->version;
}

void ledger_encode(const struct ledger *ledger, int64_t now_ms, struct buf *pending, struct ledger_versions *versions)
{
	struct ledger_text text;
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		versions->of[kind] = version_to_write(ledger, kind);
	ledger_text_begin(&text, pending, form_needed(ledger));
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next) {
		uint64_t *version = &versions->of[entry->consumer.kind];
		if (!is_left_out(ledger, entry, now_ms))
			ledger_text_add(&text, &entry->consumer);
		else if (entry->booked == BOOKED_USED && entry->seen_version > *version)
			*version = entry->seen_version;
	}
	ledger_text_end(&text);
}

void ledger_set_form(struct ledger *ledger, unsigned form)
{
	ledger->form = form;
}

unsigned ledger_form(const struct ledger *ledger)
{
	return ledger->form;
}

bool ledger_form_is_ahead(const struct ledger *ledger)
{
	return ledger->copy_form > form_needed(ledger);
}

bool ledger_foldable(const struct ledger *ledger, int64_t now_ms)
{
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (is_left_out(ledger, entry, now_ms))
			return true;
	return false;
}

void ledger_resolve(struct ledger *ledger)
{
	strip(ledger, ENTRY_TENTATIVE | ENTRY_REPLACED, is_any);
}

/* Whether an entry is dropped if its Pod is not seen in time. A reservation ends otherwise. */
static bool can_expire(const struct entry *entry)
{
	if (entry_is_reservation(entry))
		return false;
	const uint8_t never = ENTRY_TENTATIVE | ENTRY_EXPIRED | ENTRY_UNREADABLE;
	return entry->state & ENTRY_PENDING && !(entry->state & never) && !entry_seen(entry);
}

/* Whether the request of an entry was over at `then_ms` and its Pod has not been seen. */
static bool is_overdue(const struct ledger *ledger, const struct entry *entry, int64_t then_ms)
{
	return can_expire(entry) && then_ms - entry->pending_ms >= ledger->options.ttl_ms;
}

bool ledger_overdue(const struct ledger *ledger, enum consumer_kind kind, int64_t now_ms)
{
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (entry->consumer.kind == kind && !entry->due_version && is_overdue(ledger, entry, now_ms))
			return true;
	return false;
}

void ledger_due(struct ledger *ledger, enum consumer_kind kind, uint64_t version, int64_t queried_ms)
{
	for (struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (entry->consumer.kind == kind && !entry->due_version && is_overdue(ledger, entry, queried_ms))
			entry->due_version = version;
}

uint32_t ledger_expire(struct ledger *ledger, int64_t now_ms)
{
	uint32_t expired = 0;
	for (struct entry *entry = ledger->pending; entry; entry = entry->pending_next) {
		if (!entry->due_version || !is_overdue(ledger, entry, now_ms) ||
		    ledger->kinds[entry->consumer.kind].view_version < entry->due_version)
			continue;
		entry->state |= ENTRY_EXPIRED;
		entry->gone_ms = now_ms;
		ledger_update_booking(ledger, entry);
		expired++;
	}
	return expired;
}

bool ledger_awaits_expiry(const struct ledger *ledger, enum consumer_kind kind)
{
	for (const struct entry *entry = ledger->pending; entry; entry = entry->pending_next)
		if (entry->consumer.kind == kind && entry->due_version > ledger->kinds[kind].view_version &&
		    can_expire(entry))
			return true;
	return false;
}
