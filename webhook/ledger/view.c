/* view: what the ledger sees of Pods: events, lists, and comparisons with a list. */
#include "gpugate/quantity.h"
#include "webhook/ledger/state.h"

uint64_t ledger_view_version(const struct ledger *ledger, enum consumer_kind kind)
{
	return ledger->kinds[kind].view_version;
}

uint64_t ledger_event_version(const struct ledger *ledger, enum consumer_kind kind)
{
	return ledger->kinds[kind].event_version;
}

void ledger_newest(const struct ledger *ledger, struct ledger_versions *versions)
{
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		versions->of[kind] = ledger->kinds[kind].event_version;
	if (versions->of[CONSUMER_CLAIM] == 0 && ledger->kinds[CONSUMER_CLAIM].view_version)
		versions->of[CONSUMER_CLAIM] = 1;
}

void ledger_reach(struct ledger *ledger, enum consumer_kind kind, uint64_t version)
{
	struct kind_view *view = &ledger->kinds[kind];
	if (version > view->view_version)
		view->view_version = version;
}

static enum consumer_kind kind_seen(const struct pod *pod)
{
	return pod->as_claim ? CONSUMER_CLAIM : CONSUMER_POD;
}

static void note_event(struct ledger *ledger, enum consumer_kind kind, uint64_t version)
{
	struct kind_view *view = &ledger->kinds[kind];
	if (version > view->event_version)
		view->event_version = version;
}

static bool has_finished(const struct pod *pod)
{
	return str_eq(pod->phase, STR("Succeeded")) || str_eq(pod->phase, STR("Failed"));
}

/* Keeps only the identity of a Pod that no longer counts, and its group, which never changes. */
static struct entry *make_lean(const struct consumer *consumer)
{
	const struct consumer lean = {
	    .kind = consumer->kind, .uid = consumer->uid, .namespace = consumer->namespace, .group = consumer->group};
	return entry_make(&lean, NULL);
}

int ledger_lose(struct ledger *ledger, enum ledger_list list)
{
	ledger->lost |= (uint8_t)(1u << list);
	ledger->whole &= (uint8_t) ~(1u << list);
	return -1;
}

bool ledger_lost(const struct ledger *ledger, enum ledger_list list)
{
	return ledger->lost & 1u << list;
}

static int64_t grace_of(const struct pod *pod)
{
	int64_t seconds;
	if (quantity_count(pod->deletion_grace_seconds, &seconds) != QUANTITY_OK)
		return 0;
	return (seconds < INT32_MAX ? seconds : INT32_MAX) * 1000;
}

/*
 * Only Pods stop counting while they are terminating. A claim that is being deleted holds its
 * devices until it is gone.
 */
static bool is_terminating(const struct pod *pod)
{
	return !pod->as_claim && str_present(pod->deletion_timestamp);
}

/* Whether the entry and this event agree about the Pod's termination. */
static bool is_same_termination(const struct entry *entry, const struct pod *pod)
{
	bool terminating = is_terminating(pod);
	return terminating == (entry->terminating_ms != 0) && (!terminating || entry->grace_ms == grace_of(pod));
}

/* A different grace period means another request to delete the Pod, and restarts its time. */
static void note_termination(struct entry *entry, const struct pod *pod, int64_t now_ms)
{
	if (is_same_termination(entry, pod))
		return;
	bool terminating = is_terminating(pod);
	entry->terminating_ms = terminating ? now_ms : 0;
	entry->grace_ms = terminating ? grace_of(pod) : 0;
}

static void note_seen(struct ledger *ledger, struct entry *entry, uint64_t version, int64_t now_ms, int *seen)
{
	if (entry->state & ENTRY_EXPIRED)
		*seen |= LEDGER_LATE;
	if (!entry_seen(entry)) {
		entry->seen_version = version;
		entry->seen_ms = now_ms;
	}
	entry->state &= (uint8_t) ~(ENTRY_EXPIRED | ENTRY_GONE | ENTRY_UNREADABLE | ENTRY_FINISHED);
	entry->list = kind_of(ledger, &entry->consumer)->list;
}

/*
 * A bit beside those of enum ledger_seen: the event says something about the consumer that is new,
 * and that its charge depends on.
 */
#define SEEN_NEW 0x100

static int see_gone(struct ledger *ledger, struct entry *old, uint64_t version, int64_t now_ms)
{
	int seen = 0;
	struct entry *entry = make_lean(&old->consumer);
	if (entry)
		ledger_replace(ledger, old, entry);
	else
		/* Without memory the facts are kept, which only costs the memory that they take. */
		entry = old;
	note_seen(ledger, entry, version, now_ms, &seen);
	entry->state = (uint8_t)((entry->state & ~ENTRY_ALIVE) | ENTRY_GONE);
	entry->gone_ms = now_ms;
	return seen | (ledger_update_booking(ledger, entry) ? LEDGER_FREED : 0);
}

static int see_alive(struct ledger *ledger, struct entry *old, const struct pod *pod, const struct consumer *consumer,
		     int node_fit, uint64_t version, int64_t now_ms)
{
	int seen = SEEN_NEW;
	bool finished = has_finished(pod);
	struct pod placement;
	if (ledger_placement_of(ledger, pod, consumer, &placement) < 0)
		return -1;
	struct entry *entry = finished ? make_lean(consumer) : entry_make(consumer, &placement);
	if (!entry)
		return -1;
	entry->node_fit = (uint8_t)node_fit;
	ledger_replace(ledger, old, entry);
	note_seen(ledger, entry, version, now_ms, &seen);
	entry->state |= ENTRY_ALIVE;
	note_termination(entry, pod, now_ms);
	if (finished || ledger_is_overdue(ledger, entry, now_ms))
		entry->state |= ENTRY_FINISHED;
	return seen | (ledger_update_booking(ledger, entry) ? LEDGER_FREED : 0);
}

static bool is_seen_alive(const struct entry *entry)
{
	return entry->state & ENTRY_ALIVE && !(entry->state & (ENTRY_EXPIRED | ENTRY_UNREADABLE));
}

/*
 * Whether nothing relevant of a Pod has changed, which is the usual case: a status update. No facts
 * are kept of a Pod that has finished. Kubernetes does not forbid to change its phase back, and
 * then the facts are taken from that event.
 */
static bool is_known_pod(const struct entry *entry, const struct pod *pod)
{
	if (pod->as_claim || !is_seen_alive(entry))
		return false;
	if (has_finished(pod))
		return entry->state & ENTRY_FINISHED && !entry->placement;
	return entry->placement && str_eq(entry->placement->node_name, pod->node_name) &&
	       is_same_termination(entry, pod);
}

/*
 * Whether a claim still requests what it did, which only the mark of a scheduler can change, and
 * has been given the same.
 */
static bool is_known_claim(const struct entry *entry, const struct pod *pod, const struct consumer *consumer)
{
	return pod->as_claim && is_seen_alive(entry) && consumer_same_requests(&entry->consumer, consumer) &&
	       consumer_same_allocation(&entry->consumer, consumer) && entry->placement &&
	       str_eq(entry->placement->node_name, ledger_node_of(pod));
}

/*
 * A Pod stays in the group in which it was first known. Its labels and owners may change, and
 * nobody decides about that.
 */
static void keep_group(const struct entry *entry, struct consumer *consumer)
{
	if (entry && (entry_seen(entry) || str_present(entry->consumer.group)))
		consumer->group = entry->consumer.group;
}

/*
 * Whether only what a claim has been given has changed, and it is charged for what it requests
 * before and after.
 */
static bool changes_no_charge(const struct ledger *ledger, const struct entry *entry, const struct consumer *consumer)
{
	const struct policy *policy = ledger->book.policy;
	return entry && consumer->kind == CONSUMER_CLAIM && is_seen_alive(entry) &&
	       consumer_same_requests(&entry->consumer, consumer) &&
	       !policy_charges_allocation(policy, &entry->consumer) && !policy_charges_allocation(policy, consumer);
}

static int see_present(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms)
{
	struct entry *entry = entry_find(&ledger->table, pod->uid);
	struct consumer consumer;
	bool known = entry && is_known_pod(entry, pod);
	int node_fit = known ? 0 : ledger_facts_of(ledger, pod, &consumer);
	if (node_fit < 0)
		return -1;
	if (known || (entry && is_known_claim(entry, pod, &consumer))) {
		entry->list = kind_of(ledger, &entry->consumer)->list;
		return 0;
	}
	if (consumer.request_count == 0 && !entry)
		return 0;
	keep_group(entry, &consumer);
	int nothing_new = changes_no_charge(ledger, entry, &consumer) ? SEEN_NEW : 0;
	int seen = see_alive(ledger, entry, pod, &consumer, node_fit, version, now_ms);
	return seen < 0 ? seen : seen & ~nothing_new;
}

/*
 * A Pod that was never seen is not remembered when it is deleted. The exception is a comparison in
 * progress, whose list may still contain it.
 */
static int see_deleted(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms)
{
	if (!entry_find(&ledger->table, pod->uid)) {
		bool comparing = ledger->kinds[kind_seen(pod)].comparing;
		int seen = comparing ? see_present(ledger, pod, version, now_ms) : 0;
		if (seen < 0)
			return -1;
	}
	struct entry *entry = entry_find(&ledger->table, pod->uid);
	return entry ? see_gone(ledger, entry, version, now_ms) : 0;
}

static int see(struct ledger *ledger, const struct pod *pod, uint64_t version, bool gone, int64_t now_ms)
{
	enum consumer_kind kind = kind_seen(pod);
	note_event(ledger, kind, version);
	int seen = gone ? see_deleted(ledger, pod, version, now_ms) : see_present(ledger, pod, version, now_ms);
	return seen < 0 ? ledger_lose(ledger, LEDGER_CONSUMERS + kind) : seen;
}

int ledger_see(struct ledger *ledger, const struct pod *pod, uint64_t version, bool gone, int64_t now_ms)
{
	int seen = see(ledger, pod, version, gone, now_ms);
	return seen < 0 ? seen : seen & ~SEEN_NEW;
}

/* It counts as what it requests: nobody knows whether it is still allocated, and as what. */
static void forget_allocation(struct entry *entry)
{
	entry->consumer.is_allocated = false;
	entry->consumer.allocated_count = 0;
	entry->consumer.node_model_count = 0;
	entry->node_fit = 0;
}

int ledger_see_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version)
{
	enum consumer_kind kind = kind_seen(pod);
	struct entry *entry = entry_find(&ledger->table, pod->uid);
	note_event(ledger, kind, version);
	if (!entry) {
		const struct consumer nothing = {
		    .kind = kind, .uid = pod->uid, .namespace = pod->namespace, .name = pod->name};
		entry = entry_make(&nothing, NULL);
		if (!entry)
			return ledger_lose(ledger, LEDGER_CONSUMERS + kind);
		entry_put(&ledger->table, NULL, entry);
	}
	int seen = entry->state & ENTRY_EXPIRED ? LEDGER_LATE : 0;
	if (kind == CONSUMER_CLAIM)
		forget_allocation(entry);
	entry->state = (uint8_t)((entry->state & ~(ENTRY_EXPIRED | ENTRY_GONE)) | ENTRY_UNREADABLE);
	entry->list = ledger->kinds[kind].list;
	return seen | (ledger_update_booking(ledger, entry) ? LEDGER_FREED : 0);
}

void ledger_list_begin(struct ledger *ledger, enum consumer_kind kind)
{
	struct kind_view *view = &ledger->kinds[kind];
	view->list++;
	view->listing = true;
	view->comparing = false;
	view->event_version = 0;
	ledger_list_begins(ledger, LEDGER_CONSUMERS + kind);
}

static int drop_unlisted(struct ledger *ledger, enum consumer_kind kind, int64_t now_ms)
{
	const struct kind_view *view = &ledger->kinds[kind];
	int seen = 0;
	for (struct entry *entry = entry_next(&ledger->table, NULL), *next; entry; entry = next) {
		next = entry_next(&ledger->table, entry);
		if (entry->consumer.kind != kind || !(entry->state & (ENTRY_ALIVE | ENTRY_UNREADABLE)) ||
		    entry->list == view->list)
			continue;
		ledger->healed += view->comparing;
		seen |= see_gone(ledger, entry, entry->seen_version, now_ms);
	}
	return seen;
}

int ledger_list_end(struct ledger *ledger, enum consumer_kind kind, uint64_t version, int64_t now_ms)
{
	int seen = drop_unlisted(ledger, kind, now_ms);
	ledger->kinds[kind].listing = false;
	ledger_reach(ledger, kind, version);
	ledger_list_ends(ledger, LEDGER_CONSUMERS + kind);
	return seen;
}

void ledger_set_absent(struct ledger *ledger, enum consumer_kind kind, bool absent, int64_t now_ms)
{
	ledger->kinds[kind].absent = absent;
	if (!absent)
		return;
	ledger_list_begin(ledger, kind);
	ledger_list_end(ledger, kind, 0, now_ms);
}

/* --- Comparisons --- */

void ledger_compare_begin(struct ledger *ledger, enum consumer_kind kind)
{
	ledger->kinds[kind].list++;
	ledger->kinds[kind].comparing = true;
}

bool ledger_comparing(const struct ledger *ledger, enum consumer_kind kind)
{
	return ledger->kinds[kind].comparing;
}

/*
 * Whether a comparison has nothing to say about an object: there is none, or an event since it
 * began has reported the object, which is newer than the list.
 */
static bool is_beyond_comparison(const struct ledger *ledger, const struct pod *pod)
{
	const struct kind_view *view = &ledger->kinds[kind_seen(pod)];
	const struct entry *entry = entry_find(&ledger->table, pod->uid);
	return !view->comparing || (entry && entry->list == view->list);
}

int ledger_compare(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms)
{
	if (is_beyond_comparison(ledger, pod))
		return 0;
	int seen = see(ledger, pod, version, false, now_ms);
	if (seen < 0 || !(seen & SEEN_NEW))
		return seen;
	ledger->healed++;
	return (seen & ~SEEN_NEW) | LEDGER_HEALED;
}

void ledger_compare_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version)
{
	if (entry_find(&ledger->table, pod->uid) && !is_beyond_comparison(ledger, pod))
		ledger_see_unreadable(ledger, pod, version);
}

int ledger_compare_end(struct ledger *ledger, enum consumer_kind kind, int64_t now_ms)
{
	uint64_t healed = ledger->healed;
	int seen = ledger->kinds[kind].comparing ? drop_unlisted(ledger, kind, now_ms) : 0;
	ledger->kinds[kind].comparing = false;
	return seen | (ledger->healed > healed ? LEDGER_HEALED : 0);
}

void ledger_compare_abandon(struct ledger *ledger, enum consumer_kind kind)
{
	ledger->kinds[kind].comparing = false;
}

uint64_t ledger_healed(const struct ledger *ledger)
{
	return ledger->healed;
}

static int forget_entry(struct ledger *ledger, struct entry *entry, int64_t now_ms)
{
	(void)now_ms;
	entry->state = 0;
	ledger_update_booking(ledger, entry);
	entry_drop(&ledger->table, entry);
	return 0;
}

/*
 * This may drop the facts of pending Pods, so that the copy must be loaded again before anything is
 * decided.
 */
void ledger_forget(struct ledger *ledger)
{
	ledger_for_entries(ledger, forget_entry, 0);
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++) {
		struct kind_view *view = &ledger->kinds[kind];
		*view = (struct kind_view){.version = UINT64_MAX, .list = view->list, .absent = view->absent};
	}
}
