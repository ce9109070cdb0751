/* rules_target: computes the new names of resources, and where a Pod that requests them can run. */
#ifndef POLICY_EVALUATE_RULES_TARGET_H
#define POLICY_EVALUATE_RULES_TARGET_H

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "policy/evaluate/rules_pass.h"

/*
 * rules_target computes the target. rules_add_target_violation adds a violation about its problem.
 */
struct target rules_target(const struct evaluation *e, const struct rewrite *rewrite);
int rules_add_target_violation(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite,
			       const struct target *target);

/* The names to which Rules that concern the Pod rewrite one, directly or in several steps. */
struct results {
	struct str names[WORKING_POD_RESOURCES_MAX];
	uint32_t count;
	/* Rewrites that turn it, or one of these, into claims; the first ones if there are more. */
	const struct rewrite *claims[WORKING_POD_RESOURCES_MAX];
	uint32_t claim_count;
};

void rules_results(const struct evaluation *e, struct str from, struct results *results);

/* Whether a container requests one of the names. */
bool rules_requests_result(const struct evaluation *e, uint32_t container, const struct results *results);

/*
 * Returns the Pod with the node selector of the working Pod, borrowed until that changes, or NULL
 * if the arena is exhausted.
 */
const struct pod *rules_placed(struct pass *pass);

/*
 * Sets `*out` to `placed` with more entries in its node selector, which replace those with the same
 * keys. Entries are in the arena; the rest is shared with `placed`.
 */
int rules_place(struct evaluation *e, const struct pod *placed, const struct pair *labels, uint32_t count,
		struct pod *out);

/*
 * Computes the spot of a Pod with this placement, which it borrows. Returns 0, or -1 if the arena
 * is exhausted.
 */
int rules_spot(const struct evaluation *e, const struct pod *placed, struct spot *spot);

/*
 * Returns the spot of rules_placed, borrowed for as long as that is, or NULL if the arena is
 * exhausted.
 */
const struct spot *rules_before(struct pass *pass);

/* A resource that a Pod requests, or would request. */
struct wish {
	struct str name;
	const struct resource *resource; /* NULL: no Accelerator has it. */
	/* Only nodes of this model are meant; NO_MODEL: any with the resource. */
	uint32_t model;
	bool renamed; /* The plan has renamed it. */
};

struct wishes {
	struct wish items[WORKING_POD_RESOURCES_MAX];
	uint32_t count;
};

/*
 * Collects what the Pod requests according to the working Pod or, with a plan, what it would
 * request.
 */
void rules_wishes(const struct evaluation *e, const struct rule *rule, const struct plan *plan, struct wishes *wishes);

/*
 * Whether a Pod with this placement can run on a node that has what one of its wishes requests, and
 * all others that must be on the same node.
 */
bool rules_could_land(const struct evaluation *e, const struct spot *spot, const struct wishes *wishes, uint32_t which);

#endif
