/*
 * recharge: charges entries again after labels of Namespaces and Nodes, the policy, or time have
 * changed.
 */
#include "gpugate/pairs.h"
#include "webhook/ledger/state.h"

/* --- Labels --- */

/* Computes an entry's Accelerators and charges again, after its node or the policy has changed. */
static int look_again(struct ledger *ledger, struct entry *entry)
{
	struct consumer consumer = entry->consumer;
	if (!entry->placement)
		return ledger_update_booking(ledger, entry) ? LEDGER_FREED : 0;
	arena_reset(&ledger->scratch);
	int node_fit = ledger_place(ledger, entry->placement, &consumer);
	struct entry *fresh = node_fit < 0 ? NULL : entry_make(&consumer, entry->placement);
	if (!fresh) { /* It is charged by its previous Accelerators until ledger_exact retries. */
		ledger_update_booking(ledger, entry);
		entry_note_mischarged(ledger, entry, entry->booked != BOOKED_NOWHERE);
		return 0;
	}
	fresh->node_fit = (uint8_t)node_fit;
	ledger_replace(ledger, entry, fresh);
	return ledger_update_booking(ledger, fresh) ? LEDGER_FREED : 0;
}

static int charge_namespace(struct ledger *ledger, struct str name)
{
	int seen = 0;
	for (struct entry *entry = entry_next(&ledger->table, NULL); entry; entry = entry_next(&ledger->table, entry))
		if (str_eq(entry->consumer.namespace, name) && ledger_update_booking(ledger, entry))
			seen |= LEDGER_FREED;
	return seen;
}

static int charge_node(struct ledger *ledger, struct str name)
{
	int seen = 0;
	for (struct entry *entry = entry_next(&ledger->table, NULL), *next; entry; entry = next) {
		next = entry_next(&ledger->table, entry);
		if (entry->placement && str_eq(entry->placement->node_name, name))
			seen |= look_again(ledger, entry);
	}
	return seen;
}

/* Charge again what depends on the labels of `name`. Return bits of enum ledger_seen. */
static int (*const charge[LEDGER_LABELLED])(struct ledger *ledger, struct str name) = {
    [LEDGER_NAMESPACES] = charge_namespace,
    [LEDGER_NODES] = charge_node,
};

static int set_labels(struct ledger *ledger, enum ledger_list list, struct str name, const struct pairs *pairs)
{
	struct labels *labels = &ledger->labels[list];
	int changed = pairs ? labels_set(labels, name, pairs) : labels_remove(labels, name);
	return changed > 0 ? charge[list](ledger, name) : changed < 0 ? ledger_lose(ledger, list) : 0;
}

int ledger_namespace(struct ledger *ledger, struct str name, const struct pairs *pairs)
{
	return set_labels(ledger, LEDGER_NAMESPACES, name, pairs);
}

int ledger_node(struct ledger *ledger, struct str name, const struct pairs *pairs)
{
	return set_labels(ledger, LEDGER_NODES, name, pairs);
}

void ledger_labels_begin(struct ledger *ledger, enum ledger_list list)
{
	ledger_list_begins(ledger, list);
	labels_list_begin(&ledger->labels[list]);
}

struct unlisted {
	struct ledger *ledger;
	enum ledger_list list;
	int seen;
};

/*
 * Acts as an event would: Pods may still exist there, or the object may be created again with other
 * labels.
 */
static void charge_unlisted(void *context, struct str name)
{
	struct unlisted *unlisted = context;
	unlisted->seen |= charge[unlisted->list](unlisted->ledger, name);
}

int ledger_labels_end(struct ledger *ledger, enum ledger_list list)
{
	struct unlisted unlisted = {ledger, list, 0};
	labels_list_end(&ledger->labels[list], charge_unlisted, &unlisted);
	ledger_list_ends(ledger, list);
	return unlisted.seen;
}

/* --- Devices of nodes --- */

#define MOVED_MAX 64

/* Nodes that have changed, by the hashes of their names. Two with one hash do no harm. */
struct moved {
	uint64_t hashes[MOVED_MAX];
	uint32_t count; /* More than MOVED_MAX: all nodes count as changed. */
};

static void note_moved(void *context, struct str name)
{
	struct moved *moved = context;
	if (moved->count < MOVED_MAX)
		moved->hashes[moved->count] = str_hash(name);
	moved->count += moved->count <= MOVED_MAX;
}

static bool has_moved(const struct moved *moved, struct str name)
{
	uint64_t hash = str_hash(name);
	uint32_t i = 0;
	if (moved->count > MOVED_MAX)
		return true;
	while (i < moved->count && moved->hashes[i] != hash)
		i++;
	return i < moved->count;
}

/* One pass over the entries, however many nodes have changed. */
static int charge_moved(struct ledger *ledger, const struct moved *moved)
{
	int seen = 0;
	if (moved->count == 0)
		return 0;
	for (struct entry *entry = entry_next(&ledger->table, NULL), *next; entry; entry = next) {
		next = entry_next(&ledger->table, entry);
		if (entry->placement && entry->placement->node_name.len &&
		    has_moved(moved, entry->placement->node_name))
			seen |= look_again(ledger, entry);
	}
	return seen;
}

int ledger_set_devices(struct ledger *ledger, const struct named_pairs *nodes, uint32_t count, int *seen)
{
	struct moved moved = {.count = 0};
	bool failed = false;
	labels_list_begin(&ledger->devices);
	for (uint32_t i = 0; i < count; i++) {
		int changed = labels_set(&ledger->devices, nodes[i].name, &nodes[i].pairs);
		if (changed > 0)
			note_moved(&moved, nodes[i].name);
		failed |= changed < 0;
	}
	labels_list_end(&ledger->devices, note_moved, &moved);
	*seen = charge_moved(ledger, &moved);
	return failed ? -1 : 0;
}

/* --- Time and policy --- */

static int pass_time(struct ledger *ledger, struct entry *entry, int64_t now_ms)
{
	if (ledger_prune(ledger, entry, now_ms) || entry->state & ENTRY_FINISHED ||
	    !ledger_is_overdue(ledger, entry, now_ms))
		return 0;
	entry->state |= ENTRY_FINISHED;
	return ledger_update_booking(ledger, entry) ? LEDGER_FREED : 0;
}

static int charge_anew(struct ledger *ledger, struct entry *entry, int64_t now_ms)
{
	(void)now_ms;
	return look_again(ledger, entry);
}

static int charge_mischarged(struct ledger *ledger, struct entry *entry, int64_t now_ms)
{
	return entry->mischarged ? charge_anew(ledger, entry, now_ms) : 0;
}

/* Returns bits of enum ledger_seen. */
static int charge_all_mischarged(struct ledger *ledger)
{
	return ledger->mischarged ? ledger_for_entries(ledger, charge_mischarged, 0) : 0;
}

bool ledger_exact(struct ledger *ledger)
{
	charge_all_mischarged(ledger);
	return ledger->mischarged == 0;
}

int ledger_tick(struct ledger *ledger, int64_t now_ms)
{
	int seen = charge_all_mischarged(ledger);
	seen |= ledger_for_entries(ledger, pass_time, now_ms);
	return seen | ledger_end_reservations(ledger, now_ms);
}

int ledger_rebase(struct ledger *ledger, const struct policy *policy)
{
	struct book old = ledger->book, fresh;
	if (book_open(&fresh, policy) < 0)
		return -1;
	for (struct entry *entry = entry_next(&ledger->table, NULL); entry; entry = entry_next(&ledger->table, entry))
		book_entry(&old, entry, BOOKED_NOWHERE, false, NULL);
	ledger->book = fresh;
	book_close(&old);
	ledger_for_entries(ledger, charge_anew, 0);
	return 0;
}
