/*
 * tally: what the Pods of each namespace hold of each quota, and which quotas have changed since
 * they were last taken. It is updated with every charge, so that publishing does not have to visit
 * all Pods. Part of a book (book.h), under one policy. Not thread-safe.
 */
#ifndef WEBHOOK_LEDGER_TALLY_H
#define WEBHOOK_LEDGER_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/hash_map.h"
#include "gpugate/quantity.h"
#include "gpugate/str.h"

/* What the Pods of one namespace hold of one quota, and what is reserved. Exists while it holds. */
struct tally_sum {
	struct hash_link in_map;       /* Must come first. */
	struct tally_sum *quota_next;  /* Of the same quota. */
	struct tally_sum **quota_link; /* Points to this sum in the list of its quota. */
	wide amount;
	uint32_t quota;
	uint32_t pods;        /* Number of its Pods and claims. */
	uint32_t entries;     /* The same with reservations. */
	struct str namespace; /* Its bytes follow this struct. */
};

struct tally {
	uint32_t quota_count;
	struct hash_map map;
	struct tally_sum **quotas; /* Indexed by quota. */
	/*
	 * Links of the list of changed quotas, indexed by quota: the next one. The list therefore
	 * never needs memory to grow.
	 */
	uint32_t *changed;
	uint32_t first, last; /* Ends of that list. */
};

/* Initializes an empty tally without changes. Returns 0, or -1 without memory. */
int tally_open(struct tally *tally, uint32_t quota_count);
void tally_close(struct tally *tally); /* Also accepts a zeroed tally. */

/*
 * Adds what one more entry holds: a Pod (`pods` is 1), or a reservation (0). Returns a handle for
 * tally_remove, or NULL without memory, and then nothing was added. tally_remove takes the same
 * numbers, and accepts NULL.
 */
struct tally_sum *tally_add(struct tally *tally, uint32_t quota, struct str namespace, wide amount, uint32_t pods);
void tally_remove(struct tally *tally, struct tally_sum *sum, wide amount, uint32_t pods);

/* Notes that a quota has changed: appends it to the list unless it is already there. */
void tally_note(struct tally *tally, uint32_t quota);

/* Takes the first quota from the list. Returns false if the list is empty. */
bool tally_take(struct tally *tally, uint32_t *quota);

#endif
