/*
 * book: the sums of the ledger under one policy. Each entry stores the charges with which it is
 * booked. Removing it is therefore exact even if the policy, labels or the Pod's node have changed
 * since.
 */
#ifndef WEBHOOK_LEDGER_BOOK_H
#define WEBHOOK_LEDGER_BOOK_H

#include "gpugate/pairs.h"
#include "gpugate/policy.h"
#include "gpugate/quota.h"
#include "webhook/ledger/entry.h"
#include "webhook/ledger/tally.h"

/* How much of a copy's text the Pods below one root may take. */
struct book_root {
	uint32_t entries;
	size_t bytes;
	/* The last round of decisions in which a Pod of this root found no room. */
	uint32_t backpressure;
};

struct book {
	const struct policy *policy;
	struct held *held;       /* Indexed by quota. */
	wide *assumed;           /* Part of `used` that is of no entry; indexed by quota. */
	struct charge *charges;  /* Scratch space for the charges of one Pod. */
	struct book_root *roots; /* Indexed by tenant. */
	struct tally tally;      /* The same sums by namespace, and which quotas have changed. */
	uint32_t used, pending;  /* Number of entries that are booked as used or pending. */
	uint32_t reservations;   /* Number of the pending ones that are reservations. */
	/*
	 * Number of entries that take room in a copy's text: pending ones, and those whose Pods
	 * were seen recently.
	 */
	uint32_t text_entries;
	size_t text_bytes; /* Maximum bytes that these entries may take. */
};

/* Initializes empty sums for a policy, which is retained. Returns 0, or -1 without memory. */
int book_open(struct book *book, const struct policy *policy);
void book_close(struct book *book); /* Also accepts a zeroed book. */

/*
 * Books an entry again, in another sum or with other charges. `in_text`: it takes room in the text.
 * Returns bits of enum booked. BOOKED_FREED: some quota has less of this Pod than before.
 * BOOKED_NO_MEMORY: the entry keeps its previous charges, possibly none, and nothing may be decided
 * until it is booked successfully.
 */
enum booked { BOOKED_FREED = 1, BOOKED_NO_MEMORY = 2 };
unsigned book_entry(struct book *book, struct entry *entry, enum entry_booking where, bool in_text,
		    const struct pairs *labels);

/* Subtracts an entry's charges from the sums temporarily, or adds them `back`. Needs no memory. */
void book_exclude(struct book *book, const struct entry *entry, bool back);

#endif
