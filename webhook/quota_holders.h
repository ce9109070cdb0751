/*
 * quota_holders: how much of each quota the Pods of each namespace hold. Filled one charge after the other, under the ledger's
 * lock, then sorted. At most HOLDERS_MAX pairs of quota and namespace are kept; what belongs to more is left out
 * and counted. Not thread-safe.
 */
#ifndef WEBHOOK_QUOTA_HOLDERS_H
#define WEBHOOK_QUOTA_HOLDERS_H

#include "gpugate/arena.h"
#include "gpugate/quantity.h"

#define HOLDERS_MAX 65536

struct holder_sum {
	struct str namespace; /* NULL: a free slot */
	wide amount;
	uint32_t quota;
	uint32_t pods;
};

struct holders;

/* Returns new; NULL without memory. */
struct holders *holders_create(void);
void holders_destroy(struct holders *holders); /* takes NULL */

/* Forgets all sums. */
void holders_reset(struct holders *holders);

/* Copies the namespace when it is new. */
void holders_add(struct holders *holders, uint32_t quota, struct str namespace, wide amount);

/* After the last holders_add: by quota, the largest first, ties by name. */
void holders_sort(struct holders *holders);

/* The namespaces of a quota. Borrowed until holders_reset. */
const struct holder_sum *holders_of(const struct holders *holders, uint32_t quota, uint32_t *count);

#endif
