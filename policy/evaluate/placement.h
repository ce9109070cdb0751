/*
 * placement: on which models of a resource a Pod could land, by what it requires of its node, and of which model a node is.
 *
 * Accelerators partition the nodes of a resource: a node is of one model. It is of a model if it carries all of the model's
 * nodeLabels and none of its withoutNodeLabels; where the nodeLabels of one model are a part of another's, a node that carries
 * both is of the model with more labels.
 */
#ifndef POLICY_EVALUATE_PLACEMENT_H
#define POLICY_EVALUATE_PLACEMENT_H

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "policy/model/snapshot.h"

/* What the nodeSelector and the affinity of a Pod may take to be looked at, in bytes. A Pod above that could land anywhere, on an unknown model as
 * well. */
#define PLACEMENT_BYTES_MAX ((size_t)16 << 10)

/* Why a Pod could land on nodes of a model that the policy does not know. */
enum unknown_why {
	UNKNOWN_NOT,      /* it could not */
	UNKNOWN_SELECTOR, /* its nodeSelector allows no model of the resource */
	UNKNOWN_TERM,     /* a term of its node affinity allows none */
	UNKNOWN_NO_NODE,  /* it has an affinity of which no term allows any node */
	UNKNOWN_LENGTH,   /* what it requires is too long to be looked at */
};

/* Where a Pod could land for one resource. */
struct placement {
	const bool *possible; /* by landing of the resource; NULL: every one is */
	uint32_t possible_count;
	enum unknown_why unknown;
	uint32_t unknown_term; /* UNKNOWN_TERM: the first such term, from 1 */
	uint32_t nearest;      /* UNKNOWN_SELECTOR, UNKNOWN_TERM: a landing that contradicts it least */
	bool nearest_is_sole;  /* ... and no other one contradicts it as little */
};

static inline bool placement_allows(const struct placement *placement, uint32_t landing)
{
	return !placement->possible || placement->possible[landing];
}

/*
 * Finds where the Pod could land: by its nodeSelector and its required node affinity, each term of which is an alternative. What
 * cannot be decided does not contradict. Memory is the arena's. Returns -1 when that is exhausted.
 */
int placement_find(const struct policy *policy, const struct resource *resource, const struct pod *pod,
		   struct arena *arena, struct placement *placement);

/*
 * Finds the landings whose models a node with these labels is of, as placement_find does: one, none where no Accelerator has such
 * nodeLabels, or several where Accelerators do not partition the nodes. Returns -1 when the arena is exhausted.
 */
int placement_of_node(const struct policy *policy, const struct resource *resource, const struct pairs *labels,
		      struct arena *arena, struct placement *placement);

#endif
