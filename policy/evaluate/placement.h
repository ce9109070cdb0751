/*
 * placement: which models of a resource a Pod can run on, by what it requires of its node, and
 * which model a node has.
 *
 * Accelerators partition the nodes of a resource: each node has one model. A node has a model if it
 * has all nodeLabels and none of the withoutNodeLabels of the model. If the nodeLabels of one model
 * are a subset of those of another, a node that matches both has the model with more labels.
 */
#ifndef POLICY_EVALUATE_PLACEMENT_H
#define POLICY_EVALUATE_PLACEMENT_H

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "policy/model/snapshot.h"

/*
 * Maximum bytes of the nodeSelector and the required node affinity that are evaluated. A Pod with
 * more can run on any model, even on an unknown one.
 */
#define PLACEMENT_BYTES_MAX ((size_t)16 << 10)

/* Why a Pod can run on nodes whose model the policy does not know. */
enum unknown_why {
	UNKNOWN_NOT,      /* It cannot. */
	UNKNOWN_SELECTOR, /* Its nodeSelector allows no model of the resource. */
	UNKNOWN_TERM,     /* A term of its node affinity allows none. */
	UNKNOWN_NO_NODE,  /* No term of its node affinity allows any node. */
	UNKNOWN_LENGTH,   /* What it requires is too long to be evaluated. */
	/*
	 * A claim requires a part of a device of the product that this term names. Some model with
	 * that product has the class of the part, and none has the part.
	 */
	UNKNOWN_PART,
};

/* Where a Pod can run, for one resource. */
struct placement {
	const bool *possible; /* By landing of the resource; NULL: all are possible. */
	uint32_t possible_count;
	enum unknown_why unknown;
	/* UNKNOWN_TERM, UNKNOWN_PART: number of the first such term, from 1. */
	uint32_t unknown_term;
	/*
	 * UNKNOWN_SELECTOR, UNKNOWN_TERM: a landing with the fewest contradictions. UNKNOWN_PART:
	 * a model of the policy with the product.
	 */
	uint32_t nearest;
	bool nearest_is_sole; /* No other landing has as few contradictions. */
};

static inline bool placement_allows(const struct placement *placement, uint32_t landing)
{
	return !placement->possible || placement->possible[landing];
}

/*
 * Finds where the Pod can run, from its nodeSelector and its required node affinity, whose terms
 * are alternatives. A condition that cannot be evaluated does not exclude anything, and neither
 * does a product of a claim that no model of the resource has. Memory is in the arena. Returns 0,
 * or -1 if it is exhausted.
 */
int placement_find(const struct policy *policy, const struct resource *resource, const struct pod *pod,
		   struct arena *arena, struct placement *placement);

/*
 * Finds the landings whose models a node with these labels has: normally one; none if no
 * Accelerator matches the labels; several if the Accelerators do not partition the nodes. Memory is
 * in the arena. Returns 0, or -1 if it is exhausted.
 */
int placement_of_node(const struct policy *policy, const struct resource *resource, const struct pairs *labels,
		      struct arena *arena, struct placement *placement);

/*
 * The placements of one consumer, each found once: hundreds of names can be parts of devices of one
 * resource. Empty at first; the lists are in an arena.
 */
struct placements {
	struct placed_resource *items;
	uint32_t count, size;
};

/* Returns the placement for a resource, or NULL if it has not been added. */
const struct placement *placements_get(const struct placements *placements, const struct resource *resource);

/*
 * Adds the placement for a resource, which has not been added. Returns 0, or -1 if the arena is
 * exhausted.
 */
int placements_add(struct placements *placements, struct arena *arena, const struct resource *resource,
		   const struct placement *placement);

#endif
