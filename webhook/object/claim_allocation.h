/* claim_allocation: reads what a ResourceClaim has been given, from its status. */
#ifndef WEBHOOK_OBJECT_CLAIM_ALLOCATION_H
#define WEBHOOK_OBJECT_CLAIM_ALLOCATION_H

#include "gpugate/arena.h"
#include "gpugate/claim.h"
#include "gpugate/pairs.h"
#include "webhook/json/field.h"

/* What is read of a status. All versions of the API have the same. */
struct written_status {
	bool has_allocation;
	const struct written_result *results;
	uint32_t result_count;
	const struct written_term *terms;
	uint32_t term_count;
};

/* Reads a status into a struct written_status. */
extern const struct shape claim_status_shape;

/* Fills in the allocation, with its list in the arena. Returns 0, or -1 if it is exhausted. */
int claim_allocation_of(const struct written_status *status, struct arena *arena, struct claim_allocation *allocation);

/*
 * Returns the capacity `memory` in whole bytes, rounded up; 0: there is none, or not exactly one,
 * or it is no positive amount. Such a name with a domain is another capacity. Pure.
 */
int64_t claim_memory(const struct pairs *capacity);

/* Whether another capacity than `memory` is listed. Pure. */
bool claim_has_other_capacity(const struct pairs *capacity);

#endif
