#include "webhook/ledger/book.h"

#include <stdlib.h>

#include "webhook/ledger/codec.h"

int book_open(struct book *book, const struct policy *policy)
{
	struct policy_counts counts;
	policy_counts(policy, &counts);
	*book = (struct book){
	    .policy = policy,
	    .held = calloc(policy_quota_count(policy) + 1, sizeof *book->held),
	    .assumed = calloc(policy_quota_count(policy) + 1, sizeof *book->assumed),
	    .charges = calloc(policy_charge_max(policy) + 1, sizeof *book->charges),
	    .roots = calloc(counts.tenants + 1, sizeof *book->roots),
	};
	policy_retain(policy);
	if (book->held && book->assumed && book->charges && book->roots &&
	    tally_open(&book->tally, policy_quota_count(policy)) == 0)
		return 0;
	book_close(book);
	return -1;
}

void book_close(struct book *book)
{
	if (book->policy)
		policy_release(book->policy);
	free(book->held);
	free(book->assumed);
	free(book->charges);
	free(book->roots);
	tally_close(&book->tally);
	*book = (struct book){0};
}

void book_exclude(struct book *book, const struct entry *entry, bool back)
{
	for (uint32_t i = 0; i < entry->charge_count; i++) {
		struct held *row = &book->held[entry->charges[i].quota];
		wide amount = back ? entry->charges[i].amount : -entry->charges[i].amount;
		*(entry->booked == BOOKED_USED ? &row->used : &row->pending) += amount;
		row->reserved += entry_is_reservation(entry) ? amount : 0;
		row->terminating += entry->leaving ? amount : 0;
	}
}

/* Adds to the number of pending entries; UINT32_MAX subtracts one. */
static void count_pending(struct book *book, const struct entry *entry, uint32_t more)
{
	book->pending += more;
	book->reservations += entry_is_reservation(entry) ? more : 0;
}

static void take_out(struct book *book, struct entry *entry)
{
	book_exclude(book, entry, false);
	if (entry->booked == BOOKED_USED)
		book->used--;
	else if (entry->booked == BOOKED_PENDING)
		count_pending(book, entry, UINT32_MAX);
	if (entry->text_bytes && entry->root != UINT32_MAX) {
		book->roots[entry->root].entries--;
		book->roots[entry->root].bytes -= entry->text_bytes;
	}
	book->text_entries -= entry->text_bytes > 0;
	book->text_bytes -= entry->text_bytes;
	entry->text_bytes = 0;
	entry->booked = BOOKED_NOWHERE;
	entry->leaving = false;
	entry->charge_count = 0;
}

/*
 * Returns the tally sums of the charges of an entry, which follow the charges in the same block. An
 * element is NULL if nothing is charged.
 */
static struct tally_sum **sums_of(struct charge *charges, uint32_t count)
{
	return (struct tally_sum **)(void *)(charges + count);
}

/* How many Pods or claims the tally counts for an entry: none for a reservation. */
static uint32_t pods_of(const struct entry *entry)
{
	return entry_is_reservation(entry) ? 0 : 1;
}

/* `pods` is what pods_of returned when these were tallied. */
static void free_charges(struct book *book, struct charge *charges, uint32_t count, uint32_t pods)
{
	for (uint32_t i = 0; i < count; i++)
		tally_remove(&book->tally, sums_of(charges, count)[i], charges[i].amount, pods);
	free(charges);
}

/*
 * Returns new: a tallied copy of book->charges. Returns NULL without memory, and then none is
 * tallied.
 */
static struct charge *tally_charges(struct book *book, uint32_t count, const struct entry *entry)
{
	struct charge *charges = calloc(count, sizeof *charges + sizeof(struct tally_sum *));
	bool failed = !charges;
	for (uint32_t i = 0; !failed && i < count; i++) {
		charges[i] = book->charges[i];
		if (charges[i].amount > 0)
			sums_of(charges, count)[i] =
			    tally_add(&book->tally, charges[i].quota, entry->consumer.namespace, charges[i].amount,
				      pods_of(entry));
		failed = charges[i].amount > 0 && !sums_of(charges, count)[i];
	}
	if (!failed)
		return charges;
	free_charges(book, charges, charges ? count : 0, pods_of(entry));
	return NULL;
}

static void note_quotas(struct book *book, const struct charge *charges, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		tally_note(&book->tally, charges[i].quota);
}

static bool is_same(const struct charge *before, uint32_t before_count, const struct charge *now, uint32_t now_count)
{
	if (before_count != now_count)
		return false;
	for (uint32_t i = 0; i < now_count; i++)
		if (before[i].quota != now[i].quota || before[i].amount != now[i].amount)
			return false;
	return true;
}

/* Whether some quota has less of this Pod than before. */
static bool is_lighter(const struct charge *before, uint32_t before_count, const struct charge *now, uint32_t now_count)
{
	for (uint32_t i = 0; i < before_count; i++) {
		wide amount = 0;
		for (uint32_t k = 0; k < now_count; k++)
			if (now[k].quota == before[i].quota)
				amount = now[k].amount;
		if (amount < before[i].amount)
			return true;
	}
	return false;
}

/*
 * Returns the current charges of an entry, with `*count` rows: a new block, or its previous one
 * (with `before_count` rows) if nothing has changed. Without memory, the entry keeps its previous
 * charges, which may be none.
 */
static struct charge *charge_entry(struct book *book, const struct entry *entry, const struct pairs *labels,
				   uint32_t before_count, uint32_t *count, bool *no_memory)
{
	int made = policy_charge(book->policy, &entry->consumer, labels, book->charges);
	*count = made > 0 ? (uint32_t)made : 0;
	if (*count == 0)
		return NULL;
	bool same = is_same(entry->charges, before_count, book->charges, *count);
	struct charge *fresh = same ? NULL : tally_charges(book, *count, entry);
	if (fresh)
		return fresh;
	*no_memory = !same;
	*count = entry->charges ? before_count : 0;
	return entry->charges;
}

unsigned book_entry(struct book *book, struct entry *entry, enum entry_booking where, bool in_text,
		    const struct pairs *labels)
{
	struct charge *before = entry->charges;
	uint32_t before_count = entry->charge_count, count = 0;
	bool moved = entry->booked != where;
	take_out(book, entry);
	bool no_memory = false;
	struct charge *now =
	    where == BOOKED_NOWHERE ? NULL : charge_entry(book, entry, labels, before_count, &count, &no_memory);
	bool lighter = now != before && before && is_lighter(before, before_count, now, count);
	if (moved || now != before) {
		note_quotas(book, before, before_count);
		note_quotas(book, now, count);
	}
	if (now != before)
		free_charges(book, before, before_count, pods_of(entry));
	entry->charges = now;
	entry->charge_count = count;
	entry->booked = (uint8_t)where;
	entry->leaving = where == BOOKED_USED && entry->terminating_ms;
	entry->root = UINT32_MAX;
	book_exclude(book, entry, true);
	book->used += where == BOOKED_USED;
	if (where == BOOKED_PENDING)
		count_pending(book, entry, 1);
	if (in_text) {
		entry->root = policy_root(book->policy, entry->consumer.namespace, labels);
		entry->text_bytes = (uint32_t)ledger_text_bytes(&entry->consumer);
	}
	book->text_entries += in_text;
	book->text_bytes += entry->text_bytes;
	if (entry->root != UINT32_MAX) {
		book->roots[entry->root].entries++;
		book->roots[entry->root].bytes += entry->text_bytes;
	}
	return (lighter ? BOOKED_FREED : 0) | (no_memory ? BOOKED_NO_MEMORY : 0);
}
