/* booking: keeps each entry in the sums where it belongs, and in the list of pending entries. */
#include "gpugate/pairs.h"
#include "webhook/ledger/gangs.h"
#include "webhook/ledger/state.h"

const struct pairs *ledger_namespace_labels(const struct ledger *ledger, struct str name)
{
	return labels_get(&ledger->labels[LEDGER_NAMESPACES], name);
}

const struct pairs *ledger_node_labels(const struct ledger *ledger, struct str name)
{
	return labels_get(&ledger->labels[LEDGER_NODES], name);
}

static void untrack(struct entry *entry)
{
	if (!entry->pending_link)
		return;
	*entry->pending_link = entry->pending_next;
	if (entry->pending_next)
		entry->pending_next->pending_link = entry->pending_link;
	entry->pending_link = NULL;
	entry->pending_next = NULL;
}

static void track(struct ledger *ledger, struct entry *entry)
{
	entry->pending_next = ledger->pending;
	entry->pending_link = &ledger->pending;
	if (ledger->pending)
		ledger->pending->pending_link = &entry->pending_next;
	ledger->pending = entry;
}

/* Returns false if there is no memory to put the entry into its group. */
static bool update_group(struct ledger *ledger, struct entry *entry)
{
	if (entry_counts_in_group(entry))
		return gangs_join(&ledger->groups, entry) == 0;
	gangs_leave(&ledger->groups, entry);
	return true;
}

bool ledger_update_booking(struct ledger *ledger, struct entry *entry)
{
	bool pending = entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE);
	if (pending && !entry->pending_link)
		track(ledger, entry);
	else if (!pending)
		untrack(entry);
	const struct pairs *labels = ledger_namespace_labels(ledger, entry->consumer.namespace);
	unsigned booked = book_entry(&ledger->book, entry, entry_booking(entry), entry_takes_text(entry), labels);
	bool ungrouped = !update_group(ledger, entry);
	entry_note_mischarged(ledger, entry, ungrouped || booked & BOOKED_NO_MEMORY);
	bool unresolved = entry->booked != BOOKED_NOWHERE && !labels && policy_reads_namespaces(ledger->book.policy);
	ledger->unresolved_count += (uint32_t)unresolved - (uint32_t)entry->unresolved;
	entry->unresolved = unresolved;
	uint8_t unfit = entry->booked == BOOKED_NOWHERE ? 0 : entry->node_fit;
	ledger->on_no_model += !!(unfit & NODE_OF_NO_MODEL) - (uint32_t) !!(entry->unfit & NODE_OF_NO_MODEL);
	ledger->on_several_models +=
	    !!(unfit & NODE_OF_SEVERAL_MODELS) - (uint32_t) !!(entry->unfit & NODE_OF_SEVERAL_MODELS);
	entry->unfit = unfit;
	return booked & BOOKED_FREED;
}

void ledger_replace(struct ledger *ledger, struct entry *old, struct entry *entry)
{
	if (old) {
		entry->state = old->state;
		entry->copy = old->copy;
		entry->list = old->list;
		entry->seen_version = old->seen_version;
		entry->seen_ms = old->seen_ms;
		entry->due_version = old->due_version;
		entry->pending_ms = old->pending_ms;
		entry->gone_ms = old->gone_ms;
		entry->terminating_ms = old->terminating_ms;
		entry->grace_ms = old->grace_ms;
		/* The booking is taken over unchanged; ledger_update_booking updates it. */
		entry->charges = old->charges;
		entry->charge_count = old->charge_count;
		entry->booked = old->booked;
		entry->leaving = old->leaving;
		entry->unresolved = old->unresolved;
		entry->mischarged = old->mischarged;
		entry->unfit = old->unfit;
		entry->root = old->root;
		entry->text_bytes = old->text_bytes;
		old->charges = NULL;
		untrack(old);
		gangs_replace(&ledger->groups, old, entry);
	}
	entry_put(&ledger->table, old, entry);
}

bool ledger_prune(struct ledger *ledger, struct entry *entry, int64_t now_ms)
{
	int64_t memory_ms = 2 * ledger->options.ttl_ms;
	const struct kind_view *view = kind_of(ledger, &entry->consumer);
	bool remembered = view->comparing && entry->list == view->list;
	if (remembered || entry->state & (ENTRY_ALIVE | ENTRY_UNREADABLE | ENTRY_PENDING | ENTRY_TENTATIVE) ||
	    (entry->state & (ENTRY_GONE | ENTRY_EXPIRED) && now_ms - entry->gone_ms < memory_ms))
		return false;
	entry_drop(&ledger->table, entry);
	return true;
}
