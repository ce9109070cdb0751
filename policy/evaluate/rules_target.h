/* rules_target: what names become, and where a Pod that asks for them could land. */
#ifndef POLICY_EVALUATE_RULES_TARGET_H
#define POLICY_EVALUATE_RULES_TARGET_H

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "policy/evaluate/rules_pass.h"

/* Finds the target; makes an objection of a problem. */
struct target rules_target(const struct evaluation *e, const struct rewrite *rewrite);
int rules_object_target(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite,
			const struct target *target);

/* Whether a container already asks for something that this Rule or others make of the name, at once or in turn. */
bool rules_asks_result(const struct evaluation *e, uint32_t container, struct str from);

/* The Pod with the draft's node selector, borrowed until the draft's changes; NULL: the arena is exhausted. */
const struct pod *rules_placed(struct pass *pass);

/* Sets `*out` to `placed` with more entries in its node selector, which replace those of the same keys. */
int rules_place(struct evaluation *e, const struct pod *placed, const struct pair *labels, uint32_t count,
		struct pod *out);

/* Fills the spot of a Pod placed like this. Returns -1 when the arena is exhausted. */
int rules_spot(const struct evaluation *e, const struct pod *placed, struct spot *spot);

/* The spot of rules_placed, borrowed for as long; NULL: the arena is exhausted. */
const struct spot *rules_before(struct pass *pass);

/* A resource that a Pod asks for, or would ask for. */
struct wish {
	struct str name;
	const struct resource *resource; /* NULL: the policy does not know where it is */
	uint32_t model;                  /* only nodes of this one are meant; NO_MODEL: any that has it */
	bool renamed;                    /* by the plan */
};

struct wishes {
	struct wish items[DRAFT_RESOURCES_MAX];
	uint32_t count;
};

/* What the Pod asks for as the draft is; with a plan, as it would be. */
void rules_wishes(const struct evaluation *e, const struct rule *rule, const struct plan *plan, struct wishes *wishes);

/*
 * Whether a Pod placed like this could land where there is what it asks for with one of its wishes, and with all others
 * that must be on the same node.
 */
bool rules_could_land(const struct evaluation *e, const struct spot *spot, const struct wishes *wishes, uint32_t which);

#endif
