#include "webhook/ledger_book.h"

#include <stdlib.h>

#include "webhook/ledger_text.h"

int book_open(struct book *book, const struct policy *policy)
{
	struct policy_counts counts;
	policy_counts(policy, &counts);
	*book = (struct book){
	    .policy = policy,
	    .held = calloc(policy_quota_count(policy) + 1, sizeof *book->held),
	    .charges = calloc(policy_charge_max(policy) + 1, sizeof *book->charges),
	    .roots = calloc(counts.tenants + 1, sizeof *book->roots),
	};
	policy_retain(policy);
	if (book->held && book->charges && book->roots)
		return 0;
	book_close(book);
	return -1;
}

void book_close(struct book *book)
{
	if (book->policy)
		policy_release(book->policy);
	free(book->held);
	free(book->charges);
	free(book->roots);
	*book = (struct book){0};
}

void book_lift(struct book *book, const struct entry *entry, bool back)
{
	for (uint32_t i = 0; i < entry->charge_count; i++) {
		struct held *row = &book->held[entry->charges[i].quota];
		wide amount = back ? entry->charges[i].amount : -entry->charges[i].amount;
		*(entry->booked == BOOKED_USED ? &row->used : &row->pending) += amount;
	}
}

static void take_out(struct book *book, struct entry *entry)
{
	book_lift(book, entry, false);
	if (entry->booked == BOOKED_USED)
		book->used--;
	else if (entry->booked == BOOKED_PENDING)
		book->pending--;
	if (entry->booked == BOOKED_PENDING && entry->root != UINT32_MAX) {
		book->roots[entry->root].pending--;
		book->roots[entry->root].bytes -= entry->text_bytes;
	}
	book->pending_bytes -= entry->text_bytes;
	entry->text_bytes = 0;
	entry->booked = BOOKED_NOWHERE;
	entry->charge_count = 0;
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

bool book_entry(struct book *book, struct entry *entry, enum entry_booking where, const struct pairs *labels)
{
	struct charge *before = entry->charges;
	uint32_t before_count = entry->charge_count;
	take_out(book, entry);
	int count = where == BOOKED_NOWHERE ? 0 : policy_charge(book->policy, &entry->holding, labels, book->charges);
	struct charge *now = count > 0 ? malloc((size_t)count * sizeof *now) : NULL;
	if (count > 0 &&
	    !now) { /* without memory it stays booked with what it had, or goes unbooked if that was nothing */
		now = before;
		count = (int)before_count;
		before = NULL;
	} else if (count > 0) {
		memcpy(now, book->charges, (size_t)count * sizeof *now);
	}
	bool lighter = before && is_lighter(before, before_count, now, count > 0 ? (uint32_t)count : 0);
	free(before);
	entry->charges = now;
	entry->charge_count = count > 0 ? (uint32_t)count : 0;
	entry->booked = (uint8_t)where;
	entry->root = UINT32_MAX;
	for (uint32_t i = 0; i < entry->charge_count; i++) {
		struct held *row = &book->held[now[i].quota];
		*(where == BOOKED_USED ? &row->used : &row->pending) += now[i].amount;
	}
	book->used += where == BOOKED_USED;
	book->pending += where == BOOKED_PENDING;
	if (where == BOOKED_PENDING) {
		entry->root = policy_root(book->policy, entry->holding.namespace, labels);
		entry->text_bytes = (uint32_t)ledger_text_bytes(&entry->holding);
	}
	book->pending_bytes += entry->text_bytes;
	if (entry->root != UINT32_MAX) {
		book->roots[entry->root].pending++;
		book->roots[entry->root].bytes += entry->text_bytes;
	}
	return lighter;
}
