/* quota_holders: which namespaces hold most of a quota. Pure. */
#ifndef WEBHOOK_USAGE_HOLDERS_H
#define WEBHOOK_USAGE_HOLDERS_H

#include "webhook/ledger/tally.h"

struct holder_sum {
	struct str namespace;
	wide amount;
	uint32_t pods;
};

/*
 * Writes the `most` largest of a list, in no order, and returns how many there are; `most` is at least 1. `*rest` is what all the others
 * hold. Names are borrowed from the list, the largest are kept in a heap: it can be long, and is read under the ledger's lock.
 */
uint32_t holders_largest(const struct tally_sum *sums, struct holder_sum *largest, uint32_t most, wide *rest);

/* The largest first, ties by name. */
void holders_sort(struct holder_sum *sums, uint32_t count);

#endif
