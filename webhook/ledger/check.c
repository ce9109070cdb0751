/* check: verifies the sums of the ledger against its entries. */
#include "gpugate/quota.h"
#include "webhook/ledger/codec.h"
#include "webhook/ledger/gangs.h"
#include "webhook/ledger/state.h"

/* Computes the charges again, because those in the entries may be wrong. */
static int check_entry(const struct ledger *ledger, const struct entry *entry, struct book *book)
{
	struct entry fresh = *entry;
	struct charge *charges = book->charges;
	enum entry_booking where = entry_booking(entry);
	int count = where == BOOKED_NOWHERE
			? 0
			: policy_charge(ledger->book.policy, &entry->consumer,
					ledger_namespace_labels(ledger, entry->consumer.namespace), charges);
	if (count < 0 || entry->booked != where)
		return -1;
	fresh.charges = charges;
	fresh.charge_count = (uint32_t)count;
	fresh.leaving = where == BOOKED_USED && entry->terminating_ms;
	book_exclude(book, &fresh, true);
	book->used += where == BOOKED_USED;
	book->pending += where == BOOKED_PENDING;
	book->reservations += where == BOOKED_PENDING && entry_is_reservation(entry);
	book->text_entries += entry_takes_text(entry);
	book->text_bytes += entry_takes_text(entry) ? ledger_text_bytes(&entry->consumer) : 0;
	return 0;
}

/* Whether an entry that counts is in its group, and no other is in one. */
static bool is_grouped(const struct ledger *ledger, const struct entry *entry)
{
	const struct consumer *consumer = &entry->consumer;
	return entry_counts_in_group(entry)
		   ? entry->gang && entry->gang == gangs_find(&ledger->groups, consumer->namespace, consumer->group)
		   : !entry->gang;
}

/* Whether each group lists its entries, of which there are `grouped` in all groups. */
static bool has_members(const struct ledger *ledger, uint32_t grouped)
{
	bool exact = true;
	for (struct hash_link *link = NULL; (link = hash_map_next(&ledger->groups, link));) {
		const struct gang_group *group = (const struct gang_group *)(const void *)link;
		uint32_t pods = 0;
		for (const struct entry *entry = group->first; entry; entry = entry->gang_next, grouped--) {
			exact &= entry->gang == group;
			pods += !entry_is_reservation(entry);
		}
		exact &= group->first && pods == group->pods;
	}
	return exact && grouped == 0;
}

/* Whether the sums by namespace add up to what is held of a quota. */
static bool is_tallied(const struct ledger *ledger, uint32_t quota)
{
	wide amount = 0;
	for (const struct tally_sum *sum = ledger_holders(ledger, quota); sum; sum = sum->quota_next)
		amount += sum->amount;
	return amount + ledger->book.assumed[quota] == ledger->book.held[quota].used + ledger->book.held[quota].pending;
}

bool ledger_check(const struct ledger *ledger)
{
	uint32_t quotas = policy_quota_count(ledger->book.policy), entries = 0, unresolved_count = 0, grouped = 0;
	struct ledger_unfit unfit = {0};
	struct book fresh;
	if (book_open(&fresh, ledger->book.policy) < 0)
		return false;
	bool exact = true;
	for (const struct entry *entry = entry_next(&ledger->table, NULL); entry;
	     entry = entry_next(&ledger->table, entry)) {
		exact &= check_entry(ledger, entry, &fresh) == 0 && is_grouped(ledger, entry);
		grouped += entry->gang != NULL;
		entries++;
		unresolved_count += entry->unresolved;
		unfit.of_no_model += !!(entry->unfit & NODE_OF_NO_MODEL);
		unfit.of_several_models += !!(entry->unfit & NODE_OF_SEVERAL_MODELS);
	}
	exact &= has_members(ledger, grouped) && entries == ledger->table.map.count &&
		 unresolved_count == ledger->unresolved_count && unfit.of_no_model == ledger->on_no_model &&
		 unfit.of_several_models == ledger->on_several_models;
	for (uint32_t i = 0; i < quotas; i++)
		exact &= fresh.held[i].used + ledger->book.assumed[i] == ledger->book.held[i].used &&
			 fresh.held[i].pending == ledger->book.held[i].pending &&
			 fresh.held[i].reserved == ledger->book.held[i].reserved &&
			 fresh.held[i].terminating == ledger->book.held[i].terminating && is_tallied(ledger, i);
	exact &= fresh.used == ledger->book.used && fresh.pending == ledger->book.pending &&
		 fresh.reservations == ledger->book.reservations && fresh.text_entries == ledger->book.text_entries &&
		 fresh.text_bytes == ledger->book.text_bytes;
	book_close(&fresh);
	return exact;
}
