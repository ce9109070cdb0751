/*
 * ledger_book: the sums of the ledger under one policy. Each entry carries the charges that it is booked with, so that taking
 * it out again is exact whatever has changed since: policy, labels, the node that the Pod is bound to.
 */
#ifndef WEBHOOK_LEDGER_BOOK_H
#define WEBHOOK_LEDGER_BOOK_H

#include "webhook/ledger_entry.h"

/* What is booked as pending below one root. */
struct book_root {
	uint32_t pending;
	size_t bytes; /* what it may take of a copy's text */
};

struct book {
	const struct policy *policy;
	struct held *held;       /* by quota */
	struct charge *charges;  /* room for one Pod's charges under `policy` */
	struct book_root *roots; /* by tenant */
	uint32_t used, pending;  /* entries booked so */
	size_t pending_bytes;    /* what the latter may take of a copy's text */
};

/* Empty sums for a policy, which is retained. Returns -1 without memory. */
int book_open(struct book *book, const struct policy *policy);
void book_close(struct book *book); /* takes a zeroed one, too */

/* Books an entry anew, in another sum or with other charges. Returns whether something has become free by that. */
bool book_entry(struct book *book, struct entry *entry, enum entry_booking where, const struct pairs *labels);

/* Takes what an entry is booked with out of the sums for a moment, or puts it back. Needs no memory. */
void book_lift(struct book *book, const struct entry *entry, bool back);

#endif
