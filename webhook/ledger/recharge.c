/*
 * recharge: charges entries again after labels of Namespaces and Nodes, the policy, or time have
 * changed.
 */
#include "gpugate/pairs.h"
#include "webhook/ledger/state.h"

/* --- Labels --- */

/* Computes an entry's Accelerators and charges again, after its node or the policy has changed. */
static int look_again(struct ledger *ledger, struct entry **link)
{
	struct entry *entry = *link;
	struct holding holding = entry->holding;
	if (!entry->placement)
		return ledger_settle(ledger, entry) ? LEDGER_FREED : 0;
	arena_reset(&ledger->scratch);
	int node_fit = ledger_place(ledger, entry->placement, &holding);
	struct entry *fresh = node_fit < 0 ? NULL : entry_make(&holding, entry->placement);
	if (!fresh) { /* It is charged by its previous Accelerators until ledger_exact retries. */
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
	ledger_list_begins(ledger, list);
	labels_list_begin(labels_of(ledger, list));
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
	unlisted->seen |= unlisted->list == LEDGER_NODES ? charge_node(unlisted->ledger, name)
							 : charge_namespace(unlisted->ledger, name);
}

int ledger_labels_end(struct ledger *ledger, enum ledger_list list)
{
	struct unlisted unlisted = {ledger, list, 0};
	labels_list_end(labels_of(ledger, list), charge_unlisted, &unlisted);
	ledger_list_ends(ledger, list);
	return unlisted.seen;
}

/* --- Time and policy --- */

static int pass_time(struct ledger *ledger, struct entry **link, int64_t now_ms)
{
	struct entry *entry = *link;
	if (ledger_prune(ledger, link, now_ms) || entry->state & ENTRY_FINISHED ||
	    !ledger_is_overdue(ledger, entry, now_ms))
		return 0;
	entry->state |= ENTRY_FINISHED;
	return ledger_settle(ledger, entry) ? LEDGER_FREED : 0;
}

int ledger_tick(struct ledger *ledger, int64_t now_ms)
{
	ledger_exact(ledger);
	return ledger_for_links(ledger, pass_time, now_ms);
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
		ledger_for_links(ledger, charge_mischarged, 0);
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
	ledger_for_links(ledger, charge_anew, 0);
	return 0;
}
