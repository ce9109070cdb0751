/* holders: finds the namespaces that hold the largest part of a quota. Pure. */
#ifndef WEBHOOK_USAGE_HOLDERS_H
#define WEBHOOK_USAGE_HOLDERS_H

#include "webhook/ledger/tally.h"

struct holder_sum {
	struct str namespace;
	wide amount;
	uint32_t pods;
};

/*
 * Writes the `most` largest entries of a list, in no particular order, and returns how many it
 * wrote. `most` must be at least 1. `*rest` is the sum of all other amounts. Namespaces borrow from
 * the list.
 *
 * The list can be long and is read under the ledger's lock, so this keeps a heap of the largest
 * entries instead of sorting the list.
 */
uint32_t holders_largest(const struct tally_sum *sums, struct holder_sum *largest, uint32_t most, wide *rest);

/* Sorts by amount, largest first, then by namespace. */
void holders_sort(struct holder_sum *sums, uint32_t count);

#endif
