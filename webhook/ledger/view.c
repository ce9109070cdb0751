/* ledger_view: what the ledger sees of the cluster: Pods, and the labels of Namespaces and Nodes. */
#include <stdlib.h>

#include "gpugate/quantity.h"
#include "webhook/ledger/state.h"

/* Names that quotas could count, and as many others: admission takes 64 accelerators and 64 others that quotas name. */
#define DEMANDS_MAX 128

uint64_t ledger_view_version(const struct ledger *ledger)
{
	return ledger->view_version;
}

uint64_t ledger_event_version(const struct ledger *ledger)
{
	return ledger->event_version;
}

void ledger_reach(struct ledger *ledger, uint64_t version)
{
	if (version > ledger->view_version)
		ledger->view_version = version;
}

const struct pairs *ledger_namespace_labels(const struct ledger *ledger, struct str name)
{
	return labels_get(&ledger->namespaces, name);
}

static bool has_finished(const struct pod *pod)
{
	return str_eq(pod->phase, STR("Succeeded")) || str_eq(pod->phase, STR("Failed"));
}

/*
 * What a Pod asks for, as far as one Pod may take memory here: a tenant can store Pods that ask for thousands of names. Of those
 * that no quota could count as many are kept, since another policy may count them.
 */
static int bound_demands(struct ledger *ledger, struct holding *holding)
{
	struct demand *kept = arena_alloc(&ledger->scratch, 2 * (size_t)DEMANDS_MAX * sizeof *kept);
	uint32_t counts[2] = {0}, count = 0; /* of what quotas could count, of others */
	if (!kept)
		return -1;
	for (uint32_t i = 0; i < holding->demand_count; i++) {
		bool other = !policy_counts_some(ledger->book.policy, &holding->demands[i], 1);
		if (counts[other]++ < DEMANDS_MAX)
			kept[count++] = holding->demands[i];
	}
	holding->demands = kept;
	holding->demand_count = count;
	return 0;
}

/* Sets where a Pod could land and, as far as it is known, what its node is. Returns bits of enum node_fit; -1 without memory. */
static int place(struct ledger *ledger, const struct pod *placement, struct holding *holding)
{
	const struct pairs *labels = labels_get(&ledger->nodes, placement->node_name);
	if (policy_place(ledger->book.policy, placement, &ledger->scratch, holding) < 0)
		return -1;
	holding->node_models = NULL;
	holding->node_model_count = 0;
	return labels ? policy_place_on_node(ledger->book.policy, labels, &ledger->scratch, holding) : 0;
}

/* What is kept of a Pod's requirements. Where they are too long, or matter only under another policy, it could land anywhere. */
static struct pod placement_of(const struct policy *policy, const struct pod *pod, const struct holding *holding)
{
	struct pod kept = {.present = true, .node_name = pod->node_name};
	if (!policy_counts_some(policy, holding->demands, holding->demand_count) || !policy_placement_bounded(pod))
		return kept;
	kept.node_selector = pod->node_selector;
	kept.has_required_affinity = pod->has_required_affinity;
	kept.node_terms = pod->node_terms;
	kept.node_term_count = pod->node_term_count;
	return kept;
}

/* The facts of a Pod under the policy of the moment, in scratch memory, as they will be after another look (look_again). Returns
 * bits of enum node_fit, or -1 without memory. */
static int facts_of(struct ledger *ledger, const struct pod *pod, struct holding *holding)
{
	arena_reset(&ledger->scratch);
	*holding = (struct holding){.uid = pod->uid, .namespace = pod->namespace, .name = pod->name};
	if (policy_demands(pod, &ledger->scratch, &holding->demands, &holding->demand_count) < 0 ||
	    bound_demands(ledger, holding) < 0)
		return -1;
	const struct pod placement = placement_of(ledger->book.policy, pod, holding);
	return holding->demand_count == 0 ? 0 : place(ledger, &placement, holding);
}

/* Of a Pod that does not count any more, only that it was there. */
static struct entry *make_lean(const struct holding *holding)
{
	const struct holding lean = {.uid = holding->uid, .namespace = holding->namespace};
	return entry_make(&lean, NULL);
}

int ledger_lose(struct ledger *ledger, enum ledger_list list)
{
	ledger->lost |= (uint8_t)(1u << list);
	ledger->whole &= (uint8_t) ~(1u << list);
	return -1;
}

static void list_begins(struct ledger *ledger, enum ledger_list list)
{
	ledger->whole |= (uint8_t)(1u << list);
}

static void list_ends(struct ledger *ledger, enum ledger_list list)
{
	ledger->lost &= (uint8_t) ~(ledger->whole & 1u << list);
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

/* Whether what the entry says of the Pod's termination is what this event says. */
static bool is_same_termination(const struct entry *entry, const struct pod *pod)
{
	bool terminating = str_present(pod->deletion_timestamp);
	return terminating == (entry->terminating_ms != 0) && (!terminating || entry->grace_ms == grace_of(pod));
}

/* Another grace period is another request to delete the Pod, and its time begins then. */
static void note_termination(struct entry *entry, const struct pod *pod, int64_t now_ms)
{
	if (is_same_termination(entry, pod))
		return;
	bool terminating = str_present(pod->deletion_timestamp);
	entry->terminating_ms = terminating ? now_ms : 0;
	entry->grace_ms = terminating ? grace_of(pod) : 0;
}

/* Whether a Pod has been terminating for longer than it counts. */
static bool is_overdue(const struct ledger *ledger, const struct entry *entry, int64_t now_ms)
{
	int64_t beyond_ms = policy_terminating_ms(ledger->book.policy);
	return entry->terminating_ms && beyond_ms >= 0 && now_ms - entry->terminating_ms >= entry->grace_ms + beyond_ms;
}

static void note_seen(struct ledger *ledger, struct entry *entry, uint64_t version, int64_t now_ms, int *seen)
{
	if (entry->state & ENTRY_SWEPT)
		*seen |= LEDGER_LATE;
	if (!entry_seen(entry)) {
		entry->seen_version = version;
		entry->seen_ms = now_ms;
	}
	entry->state &= (uint8_t) ~(ENTRY_SWEPT | ENTRY_GONE | ENTRY_UNREADABLE | ENTRY_FINISHED);
	entry->list = ledger->list;
}

static int see_gone(struct ledger *ledger, struct entry **link, uint64_t version, int64_t now_ms)
{
	int seen = 0;
	struct entry *entry = make_lean(&(*link)->holding);
	if (entry)
		ledger_replace(ledger, link, entry);
	else
		entry = *link; /* without memory the facts stay, which costs no more than what they take */
	note_seen(ledger, entry, version, now_ms, &seen);
	entry->state = (uint8_t)((entry->state & ~ENTRY_ALIVE) | ENTRY_GONE);
	entry->gone_ms = now_ms;
	return seen | (ledger_settle(ledger, entry) ? LEDGER_FREED : 0);
}

static int see_alive(struct ledger *ledger, struct entry **link, const struct pod *pod, const struct holding *holding,
		     int node_fit, uint64_t version, int64_t now_ms)
{
	int seen = 0;
	bool finished = has_finished(pod);
	const struct pod placement = placement_of(ledger->book.policy, pod, holding);
	struct entry *entry = finished ? make_lean(holding) : entry_make(holding, &placement);
	if (!entry)
		return -1;
	entry->node_fit = (uint8_t)node_fit;
	ledger_replace(ledger, link, entry);
	note_seen(ledger, entry, version, now_ms, &seen);
	entry->state |= ENTRY_ALIVE;
	note_termination(entry, pod, now_ms);
	if (finished || is_overdue(ledger, entry, now_ms))
		entry->state |= ENTRY_FINISHED;
	return seen | (ledger_settle(ledger, entry) ? LEDGER_FREED : 0);
}

/*
 * Nothing that decides has changed: the usual event, a status that moves on. Of a Pod that has finished no facts are kept: if its phase
 * says otherwise later, which nothing in Kubernetes forbids to those who may write it, they are taken from that event.
 */
static bool is_known(const struct entry *entry, const struct pod *pod)
{
	if (!(entry->state & ENTRY_ALIVE) || entry->state & (ENTRY_SWEPT | ENTRY_UNREADABLE))
		return false;
	if (has_finished(pod))
		return entry->state & ENTRY_FINISHED && !entry->placement;
	return entry->placement && str_eq(entry->placement->node_name, pod->node_name) &&
	       is_same_termination(entry, pod);
}

static int see_present(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms)
{
	struct entry **link = entry_find(&ledger->table, pod->uid), *entry = *link;
	struct holding holding;
	if (entry && is_known(entry, pod)) {
		entry->list = ledger->list;
		return 0;
	}
	int node_fit = facts_of(ledger, pod, &holding);
	if (node_fit < 0)
		return -1;
	if (holding.demand_count == 0 && !entry)
		return 0;
	return see_alive(ledger, link, pod, &holding, node_fit, version, now_ms);
}

/* A Pod that was never seen is not remembered, but for a comparison under way, whose list may have it still. */
static int see_deleted(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms)
{
	if (!*entry_find(&ledger->table, pod->uid)) {
		int seen = ledger->comparing ? see_present(ledger, pod, version, now_ms) : 0;
		if (seen < 0)
			return -1;
	}
	struct entry **link = entry_find(&ledger->table, pod->uid);
	return *link ? see_gone(ledger, link, version, now_ms) : 0;
}

int ledger_see(struct ledger *ledger, const struct pod *pod, uint64_t version, bool gone, int64_t now_ms)
{
	if (version > ledger->event_version)
		ledger->event_version = version;
	int seen = gone ? see_deleted(ledger, pod, version, now_ms) : see_present(ledger, pod, version, now_ms);
	return seen < 0 ? ledger_lose(ledger, LEDGER_PODS) : seen;
}

int ledger_see_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version)
{
	struct entry **link = entry_find(&ledger->table, pod->uid), *entry = *link;
	if (version > ledger->event_version)
		ledger->event_version = version;
	if (!entry) {
		const struct holding nothing = {.uid = pod->uid, .namespace = pod->namespace, .name = pod->name};
		entry = entry_make(&nothing, NULL);
		if (!entry)
			return ledger_lose(ledger, LEDGER_PODS);
		entry_put(&ledger->table, link, entry);
	}
	int seen = entry->state & ENTRY_SWEPT ? LEDGER_LATE : 0;
	entry->state = (uint8_t)((entry->state & ~(ENTRY_SWEPT | ENTRY_GONE)) | ENTRY_UNREADABLE);
	entry->list = ledger->list;
	return seen | (ledger_settle(ledger, entry) ? LEDGER_FREED : 0);
}

void ledger_list_begin(struct ledger *ledger)
{
	ledger->list++;
	ledger->comparing = false;
	ledger->event_version = 0;
	list_begins(ledger, LEDGER_PODS);
}

/* Calls for each entry's link; the callback may drop or replace the entry. */
static int for_links(struct ledger *ledger, int (*act)(struct ledger *ledger, struct entry **link, int64_t now_ms),
		     int64_t now_ms)
{
	int seen = 0;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (struct entry **link = &ledger->table.slots[i]; *link;) {
			const struct entry *before = *link, *after = before->next;
			seen |= act(ledger, link, now_ms);
			if (*link != after)
				link = &(*link)->next;
		}
	return seen;
}

static int drop_unlisted(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	const struct entry *entry = *link;
	if (!(entry->state & (ENTRY_ALIVE | ENTRY_UNREADABLE)) || entry->list == ledger->list)
		return 0;
	ledger->healed += ledger->comparing;
	return see_gone(ledger, link, entry->seen_version, now_ms);
}

int ledger_list_end(struct ledger *ledger, uint64_t version, int64_t now_ms)
{
	int seen = for_links(ledger, drop_unlisted, now_ms);
	ledger_reach(ledger, version);
	list_ends(ledger, LEDGER_PODS);
	return seen;
}

/* --- Comparing --- */

void ledger_compare_begin(struct ledger *ledger)
{
	ledger->list++;
	ledger->comparing = true;
}

bool ledger_comparing(const struct ledger *ledger)
{
	return ledger->comparing;
}

/* An event since the beginning is newer than the list. */
static bool has_moved(const struct ledger *ledger, const struct entry *entry)
{
	return entry->list == ledger->list;
}

int ledger_compare(struct ledger *ledger, const struct pod *pod, uint64_t version, int64_t now_ms)
{
	struct entry *const *link = entry_find(&ledger->table, pod->uid), *entry = *link;
	bool known = entry && is_known(entry, pod);
	if (!ledger->comparing || (entry && has_moved(ledger, entry)))
		return 0;
	int seen = ledger_see(ledger, pod, version, false, now_ms);
	if (seen < 0 || known || !*entry_find(&ledger->table, pod->uid))
		return seen;
	ledger->healed++;
	return seen | LEDGER_HEALED;
}

void ledger_compare_unreadable(struct ledger *ledger, const struct pod *pod, uint64_t version)
{
	const struct entry *entry = *entry_find(&ledger->table, pod->uid);
	if (ledger->comparing && entry && !has_moved(ledger, entry))
		ledger_see_unreadable(ledger, pod, version);
}

int ledger_compare_end(struct ledger *ledger, int64_t now_ms)
{
	uint64_t healed = ledger->healed;
	int seen = ledger->comparing ? for_links(ledger, drop_unlisted, now_ms) : 0;
	ledger->comparing = false;
	return seen | (ledger->healed > healed ? LEDGER_HEALED : 0);
}

void ledger_compare_abandon(struct ledger *ledger)
{
	ledger->comparing = false;
}

uint64_t ledger_healed(const struct ledger *ledger)
{
	return ledger->healed;
}

static int forget_entry(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	struct entry *entry = *link;
	(void)now_ms;
	entry->state = 0;
	ledger_settle(ledger, entry);
	entry_drop(&ledger->table, link);
	return 0;
}

/* Of what was seen, the facts of pending Pods may be gone; so the copy has to be loaded again before anything is decided. */
void ledger_forget(struct ledger *ledger)
{
	for_links(ledger, forget_entry, 0);
	ledger->comparing = false;
	ledger->view_version = ledger->event_version = 0;
	ledger->version = UINT64_MAX;
}

/* --- Labels --- */

/* An entry's Accelerators and charges anew, after its node or the policy has changed. */
static int look_again(struct ledger *ledger, struct entry **link)
{
	struct entry *entry = *link;
	struct holding holding = entry->holding;
	if (!entry->placement)
		return ledger_settle(ledger, entry) ? LEDGER_FREED : 0;
	arena_reset(&ledger->scratch);
	int node_fit = place(ledger, entry->placement, &holding);
	struct entry *fresh = node_fit < 0 ? NULL : entry_make(&holding, entry->placement);
	if (!fresh) { /* it is charged by the Accelerators that it had, until ledger_exact looks again */
		ledger_settle(ledger, entry);
		entry_note_mischarged(ledger, entry, entry->booked != BOOKED_NOWHERE);
		return 0;
	}
	fresh->node_fit = (uint8_t)node_fit;
	ledger_replace(ledger, link, fresh);
	return ledger_settle(ledger, fresh) ? LEDGER_FREED : 0;
}

static int set_labels(struct labels *labels, struct str name, const struct pairs *pairs)
{
	return pairs ? labels_set(labels, name, pairs) : labels_remove(labels, name);
}

static int charge_namespace(struct ledger *ledger, struct str name)
{
	int seen = 0;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (struct entry *entry = ledger->table.slots[i]; entry; entry = entry->next)
			if (str_eq(entry->holding.namespace, name) && ledger_settle(ledger, entry))
				seen |= LEDGER_FREED;
	return seen;
}

static int charge_node(struct ledger *ledger, struct str name)
{
	int seen = 0;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (struct entry **link = &ledger->table.slots[i]; *link; link = &(*link)->next) {
			if (!(*link)->placement || !str_eq((*link)->placement->node_name, name))
				continue;
			seen |= look_again(ledger, link);
		}
	return seen;
}

int ledger_namespace(struct ledger *ledger, struct str name, const struct pairs *pairs)
{
	int changed = set_labels(&ledger->namespaces, name, pairs);
	return changed > 0 ? charge_namespace(ledger, name) : changed < 0 ? ledger_lose(ledger, LEDGER_NAMESPACES) : 0;
}

int ledger_node(struct ledger *ledger, struct str name, const struct pairs *pairs)
{
	int changed = set_labels(&ledger->nodes, name, pairs);
	return changed > 0 ? charge_node(ledger, name) : changed < 0 ? ledger_lose(ledger, LEDGER_NODES) : 0;
}

static struct labels *labels_of(struct ledger *ledger, enum ledger_list list)
{
	return list == LEDGER_NODES ? &ledger->nodes : &ledger->namespaces;
}

void ledger_labels_begin(struct ledger *ledger, enum ledger_list list)
{
	list_begins(ledger, list);
	labels_list_begin(labels_of(ledger, list));
}

struct unlisted {
	struct ledger *ledger;
	enum ledger_list list;
	int seen;
};

/* As an event would: what was there may have Pods still, or be there again with other labels. */
static void charge_unlisted(void *context, struct str name)
{
	struct unlisted *unlisted = context;
	unlisted->seen |= unlisted->list == LEDGER_NODES ? charge_node(unlisted->ledger, name)
							 : charge_namespace(unlisted->ledger, name);
}

int ledger_labels_end(struct ledger *ledger, enum ledger_list list)
{
	struct unlisted unlisted = {ledger, list, 0};
	labels_list_end(labels_of(ledger, list), charge_unlisted, &unlisted);
	list_ends(ledger, list);
	return unlisted.seen;
}

/* --- Time and policy --- */

static int pass_time(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	struct entry *entry = *link;
	if (ledger_prune(ledger, link, now_ms) || entry->state & ENTRY_FINISHED || !is_overdue(ledger, entry, now_ms))
		return 0;
	entry->state |= ENTRY_FINISHED;
	return ledger_settle(ledger, entry) ? LEDGER_FREED : 0;
}

int ledger_tick(struct ledger *ledger, int64_t now_ms)
{
	ledger_exact(ledger);
	return for_links(ledger, pass_time, now_ms);
}

static int charge_anew(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	(void)now_ms;
	return look_again(ledger, link);
}

static int charge_mischarged(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	return (*link)->mischarged ? charge_anew(ledger, link, now_ms) : 0;
}

bool ledger_exact(struct ledger *ledger)
{
	if (ledger->mischarged)
		for_links(ledger, charge_mischarged, 0);
	return ledger->mischarged == 0;
}

int ledger_rebase(struct ledger *ledger, const struct policy *policy)
{
	struct book old = ledger->book, fresh;
	if (book_open(&fresh, policy) < 0)
		return -1;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (struct entry *entry = ledger->table.slots[i]; entry; entry = entry->next)
			book_entry(&old, entry, BOOKED_NOWHERE, false, NULL);
	ledger->book = fresh;
	book_close(&old);
	for_links(ledger, charge_anew, 0);
	return 0;
}
