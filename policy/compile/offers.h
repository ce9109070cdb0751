/* offers: what the nodes of each model advertise, and what one unit of it is. */
#ifndef POLICY_COMPILE_OFFERS_H
#define POLICY_COMPILE_OFFERS_H

#include "policy/compile/context.h"

/*
 * What the nodes of one model advertise under one name. The fractions are of a device and of a
 * byte.
 */
struct offer {
	struct str name;
	struct str stands_for; /* As in struct resource. */
	uint32_t model;
	bool slice, shared;
	bool any; /* As in struct resource. */
	int64_t gpus, gpus_of;
	int64_t memory, memory_of; /* Numerator MEMORY_UNKNOWN if not known. */
	struct division division;
};

/* Returns all offers of all models, in the scratch arena, by model. */
struct offer *compile_offers(struct compile *c, uint32_t *count);

#endif
