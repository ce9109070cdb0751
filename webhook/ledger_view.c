/* ledger_view: what the ledger sees of the cluster: Pods, and the labels of Namespaces and Nodes. */
#include <stdlib.h>

#include "gpugate/quantity.h"
#include "webhook/ledger_state.h"

/* Names that quotas could count, and as many others: admission takes 64 accelerators and 64 others that quotas name. */
#define DEMANDS_MAX 128

uint64_t ledger_view_version(const struct ledger *ledger)
{
	return ledger->view_version;
}

uint64_t ledger_listed_version(const struct ledger *ledger)
{
	return ledger->listed_version;
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

static void note_terminating(struct entry *entry, const struct pod *pod, int64_t now_ms)
{
	int64_t seconds;
	if (!str_present(pod->deletion_timestamp) || entry->terminating_ms)
		return;
	entry->terminating_ms = now_ms;
	if (quantity_count(pod->deletion_grace_seconds, &seconds) == QUANTITY_OK)
		entry->grace_ms = (seconds < INT32_MAX ? seconds : INT32_MAX) * 1000;
}

static void note_seen(struct ledger *ledger, struct entry *entry, uint64_t version, int *seen)
{
	if (entry->state & ENTRY_SWEPT && version > entry->swept_version)
		*seen |= LEDGER_LATE;
	if (!entry_seen(entry))
		entry->seen_version = version;
	entry->state &= (uint8_t) ~(ENTRY_SWEPT | ENTRY_GONE);
	entry->list = ledger->list;
}

static int see_gone(struct ledger *ledger, struct entry **link, uint64_t version, int64_t now_ms)
{
	int seen = 0;
	struct entry *lean = make_lean(&(*link)->holding);
	if (!lean)
		return -1;
	ledger_replace(ledger, link, lean);
	note_seen(ledger, lean, version, &seen);
	lean->state = (uint8_t)((lean->state & ~(ENTRY_ALIVE | ENTRY_FINISHED)) | ENTRY_GONE);
	lean->gone_ms = now_ms;
	return seen | (ledger_settle(ledger, lean) ? LEDGER_FREED : 0);
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
	note_seen(ledger, entry, version, &seen);
	entry->state |= ENTRY_ALIVE;
	if (finished)
		entry->state |= ENTRY_FINISHED;
	note_terminating(entry, pod, now_ms);
	return seen | (ledger_settle(ledger, entry) ? LEDGER_FREED : 0);
}

/* Nothing that decides has changed: the usual event, a status that moves on. */
static bool is_known(const struct entry *entry, const struct pod *pod)
{
	return entry->state & ENTRY_ALIVE && !(entry->state & ENTRY_SWEPT) &&
	       (entry->state & ENTRY_FINISHED ||
		(!has_finished(pod) && entry->placement && str_eq(entry->placement->node_name, pod->node_name)));
}

int ledger_see(struct ledger *ledger, const struct pod *pod, uint64_t version, bool gone, int64_t now_ms)
{
	struct entry **link = entry_find(&ledger->table, pod->uid), *entry = *link;
	if (version > ledger->listed_version)
		ledger->listed_version = version;
	if (gone && entry)
		return see_gone(ledger, link, version, now_ms);
	if (!gone && entry && is_known(entry, pod)) {
		entry->list = ledger->list;
		note_terminating(entry, pod, now_ms);
		return 0;
	}
	struct holding holding;
	if (gone)
		return 0; /* never seen, and not pending: nothing to remember */
	int node_fit = facts_of(ledger, pod, &holding);
	if (node_fit < 0)
		return -1;
	if (holding.demand_count == 0 && !entry)
		return 0;
	return see_alive(ledger, link, pod, &holding, node_fit, version, now_ms);
}

void ledger_list_begin(struct ledger *ledger)
{
	ledger->list++;
	ledger->listed_version = 0;
}

/* Calls for each entry's link; the callback may drop or replace the entry. */
static int for_links(struct ledger *ledger, int (*act)(struct ledger *ledger, struct entry **link, int64_t now_ms),
		     int64_t now_ms)
{
	int seen = 0;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (struct entry **link = &ledger->table.slots[i]; *link;) {
			const struct entry *before = *link, *after = before->next;
			int result = act(ledger, link, now_ms);
			if (result < 0)
				return -1;
			seen |= result;
			if (*link != after)
				link = &(*link)->next;
		}
	return seen;
}

static int drop_unlisted(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	const struct entry *entry = *link;
	if (!(entry->state & ENTRY_ALIVE) || entry->list == ledger->list)
		return 0;
	return see_gone(ledger, link, entry->seen_version, now_ms);
}

int ledger_list_end(struct ledger *ledger, uint64_t version, int64_t now_ms)
{
	int seen = for_links(ledger, drop_unlisted, now_ms);
	if (seen >= 0)
		ledger_reach(ledger, version);
	return seen;
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
	ledger->view_version = ledger->listed_version = 0;
	ledger->version = UINT64_MAX;
}

/* --- Labels --- */

/* An entry's Accelerators anew, after its node or the policy has changed. */
static int look_again(struct ledger *ledger, struct entry **link)
{
	struct entry *entry = *link;
	struct holding holding = entry->holding;
	arena_reset(&ledger->scratch);
	int node_fit = place(ledger, entry->placement, &holding);
	struct entry *fresh = node_fit < 0 ? NULL : entry_make(&holding, entry->placement);
	if (!fresh)
		return -1;
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
			int result = look_again(ledger, link);
			if (result < 0)
				return -1;
			seen |= result;
		}
	return seen;
}

int ledger_namespace(struct ledger *ledger, struct str name, const struct pairs *pairs)
{
	int changed = set_labels(&ledger->namespaces, name, pairs);
	return changed > 0 ? charge_namespace(ledger, name) : changed;
}

int ledger_node(struct ledger *ledger, struct str name, const struct pairs *pairs)
{
	int changed = set_labels(&ledger->nodes, name, pairs);
	return changed > 0 ? charge_node(ledger, name) : changed;
}

static struct labels *labels_of(struct ledger *ledger, enum ledger_list list)
{
	return list == LEDGER_NODES ? &ledger->nodes : &ledger->namespaces;
}

void ledger_labels_begin(struct ledger *ledger, enum ledger_list list)
{
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
	int seen = unlisted->list == LEDGER_NODES ? charge_node(unlisted->ledger, name)
						  : charge_namespace(unlisted->ledger, name);
	unlisted->seen = seen < 0 || unlisted->seen < 0 ? -1 : unlisted->seen | seen;
}

int ledger_labels_end(struct ledger *ledger, enum ledger_list list)
{
	struct unlisted unlisted = {ledger, list, 0};
	labels_list_end(labels_of(ledger, list), charge_unlisted, &unlisted);
	return unlisted.seen;
}

/* --- Time and policy --- */

static int pass_time(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	struct entry *entry = *link;
	int64_t beyond_ms = policy_terminating_ms(ledger->book.policy);
	if (ledger_prune(ledger, link, now_ms))
		return 0;
	if (!entry->terminating_ms || beyond_ms < 0 || entry->state & ENTRY_FINISHED ||
	    now_ms - entry->terminating_ms < entry->grace_ms + beyond_ms)
		return 0;
	entry->state |= ENTRY_FINISHED;
	return ledger_settle(ledger, entry) ? LEDGER_FREED : 0;
}

int ledger_tick(struct ledger *ledger, int64_t now_ms)
{
	return for_links(ledger, pass_time, now_ms);
}

static int charge_anew(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	(void)now_ms;
	if (!(*link)->placement || look_again(ledger, link) < 0)
		ledger_settle(ledger, *link); /* without memory by the Accelerators that it had */
	return 0;
}

int ledger_rebase(struct ledger *ledger, const struct policy *policy)
{
	struct book old = ledger->book, fresh;
	if (book_open(&fresh, policy) < 0)
		return -1;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (struct entry *entry = ledger->table.slots[i]; entry; entry = entry->next)
			book_entry(&old, entry, BOOKED_NOWHERE, NULL);
	ledger->book = fresh;
	book_close(&old);
	for_links(ledger, charge_anew, 0);
	return 0;
}
