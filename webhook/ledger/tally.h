/*
 * tally: what the Pods of each namespace hold of each quota, and which quotas hold something else than they did when that was
 * last asked. Kept up to date charge by charge, so that nobody has to walk over all Pods in order to publish it. Part of a book
 * (book.h), under one policy; not thread-safe.
 */
#ifndef WEBHOOK_LEDGER_TALLY_H
#define WEBHOOK_LEDGER_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/quantity.h"
#include "gpugate/str.h"

/* What the Pods of one namespace hold of one quota. Lives as long as one of them holds something. */
struct tally_sum {
	struct tally_sum *next;        /* in its slot */
	struct tally_sum *quota_next;  /* of the same quota */
	struct tally_sum **quota_link; /* what points to it there */
	uint64_t hash;
	wide amount;
	uint32_t quota;
	uint32_t pods;
	struct str namespace; /* its bytes follow this struct */
};

struct tally {
	uint32_t quota_count;
	struct tally_sum **slots;
	uint32_t mask, count;
	struct tally_sum **quotas; /* by quota */
	uint32_t *changed;         /* by quota: the next that has changed; the list needs no memory to grow */
	uint32_t first, last;      /* of that list */
};

/* Empty, nothing has changed. Returns -1 without memory. */
int tally_open(struct tally *tally, uint32_t quota_count);
void tally_close(struct tally *tally); /* takes a zeroed one, too */

/* Adds what one more Pod holds. Returns what tally_remove takes; NULL without memory, and it is not added. */
struct tally_sum *tally_add(struct tally *tally, uint32_t quota, struct str namespace, wide amount);
void tally_remove(struct tally *tally, struct tally_sum *sum, wide amount); /* takes NULL */

/* Notes that something else is held of a quota: puts it at the end of the list, once. */
void tally_note(struct tally *tally, uint32_t quota);

/* Takes the first off the list. False: there is none. */
bool tally_take(struct tally *tally, uint32_t *quota);

#endif
