/*
 * book: the sums of the ledger under one policy. Each entry carries the charges that it is booked with, so that taking
 * it out again is exact whatever has changed since: policy, labels, the node that the Pod is bound to.
 */
#ifndef WEBHOOK_LEDGER_BOOK_H
#define WEBHOOK_LEDGER_BOOK_H

#include "gpugate/pairs.h"
#include "gpugate/policy.h"
#include "gpugate/quota.h"
#include "webhook/ledger/entry.h"
#include "webhook/ledger/tally.h"

/* What the Pods below one root may take of a copy's text. */
struct book_root {
	uint32_t entries;
	size_t bytes;
	uint32_t crowded; /* the round of decisions in which somebody found no room */
};

struct book {
	const struct policy *policy;
	struct held *held;       /* by quota */
	struct charge *charges;  /* room for one Pod's charges under `policy` */
	struct book_root *roots; /* by tenant */
	struct tally tally;      /* the same sums by namespace, and which of them have changed */
	uint32_t used, pending;  /* entries booked so */
	uint32_t
	    text_entries;  /* entries that take room in a copy's text: those booked as pending, and those seen lately */
	size_t text_bytes; /* ... and how much they may take of it */
};

/* Empty sums for a policy, which is retained. Returns -1 without memory. */
int book_open(struct book *book, const struct policy *policy);
void book_close(struct book *book); /* takes a zeroed one, too */

/*
 * Books an entry anew, in another sum or with other charges. `in_text`: it takes room there. Returns bits of enum booked. Without
 * memory the entry is booked with the charges that it had, which may be none: nothing may be decided before it was booked again.
 */
enum booked { BOOKED_FREED = 1, BOOKED_NO_MEMORY = 2 };
unsigned book_entry(struct book *book, struct entry *entry, enum entry_booking where, bool in_text,
		    const struct pairs *labels);

/* Takes what an entry is booked with out of the sums for a moment, or puts it back. Needs no memory. */
void book_lift(struct book *book, const struct entry *entry, bool back);

#endif
