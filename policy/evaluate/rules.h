/*
 * rules: what the parts of applying Rules share. rules.c goes over the Rules, rules_match.c finds those that are for a Pod, rules_target.c
 * says what names become, rules_plan.c decides what a Rule would do and what speaks against it, rules_change.c does it, or says it.
 * Functions that return an int return -1 only when the arena is exhausted.
 */
#ifndef POLICY_EVALUATE_RULES_H
#define POLICY_EVALUATE_RULES_H

#include "policy/evaluate/evaluate.h"

/* A way in which a Pod is placed, and on which models it could land. Looked up once, since a Pod can make every look long. */
enum { REACH_UNKNOWN, REACH_NO, REACH_YES };
struct spot {
	const struct pod *placed;
	const uint8_t *reached; /* by model */
};

/* What a pass needs besides the evaluation. */
struct pass {
	struct evaluation *e;
	uint32_t *found; /* Rules to look at, by rank; one that was found under several keys may stand there twice */
	uint32_t found_count, found_size;
	bool exhausted;
	struct str *claims; /* nodeSelector keys that a Rule of this pass has set */
	uint32_t claim_count, claim_size;
	bool runtime_claimed;
	struct pod placed; /* the Pod with the draft's node selector; see rules_placed */
	bool placed_valid;
	struct spot before; /* ... where that could land; see rules_before */
	bool before_valid;
};

enum target_problem {
	TARGET_OK,
	TARGET_NO_MEMORY, /* what the Pod says is no amount of memory */
	TARGET_NO_UNIT,   /* a number of bytes that was meant to have a unit */
	TARGET_TOO_LARGE, /* no profile has so much memory */
	TARGET_NO_PROFILE /* the Accelerator has none that may be chosen */
};

/* What a rewrite turns its name into for this Pod. */
struct target {
	struct str name; /* absent: nothing, or a problem */
	enum target_problem problem;
	struct str said;               /* the memory that the Pod says, as it says it */
	const struct profile *largest; /* TARGET_TOO_LARGE */
};

/* What a Rule would do to the draft. */
struct plan {
	struct target *targets; /* by rewrite; a name that is absent: that rewrite has nothing to do */
	struct pair *labels;    /* for the node selector: all that the Rule sets, some of which may be there already */
	uint32_t label_count;
	bool runtime_class;
	bool refused; /* an objection was made, and nothing may change */
	bool idle;    /* the Rule is not for a Pod like this: it changes nothing */
};

/* rules_match.c: fills pass->found with the Rules that could match the draft as it stands. */
void rules_find(struct pass *pass);

/* rules_match.c: whether the Pod is one that the Rule is for, by everything but the amounts it asks for; and by these. */
bool rules_concern(const struct evaluation *e, const struct rule *rule);
bool rules_in_range(const struct evaluation *e, const struct rule *rule);

/* rules_target.c: finds the target; makes an objection of a problem. */
struct target rules_target(const struct evaluation *e, const struct rewrite *rewrite);
int rules_object_target(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite,
			const struct target *target);

/* rules_target.c: whether a container asks already for something that Rules make of the name, this one or others, at once or in turn. */
bool rules_asks_result(const struct evaluation *e, uint32_t container, struct str from);

/* rules_target.c: the Pod with the draft's node selector, borrowed until the draft's changes; NULL: the arena is exhausted. */
const struct pod *rules_placed(struct pass *pass);

/* rules_target.c: `placed` with more entries in its node selector, which replace those of the same keys. */
int rules_place(struct evaluation *e, const struct pod *placed, const struct pair *labels, uint32_t count,
		struct pod *out);

/* rules_target.c: fills the spot of a Pod placed like this. Returns -1 when the arena is exhausted. */
int rules_spot(const struct evaluation *e, const struct pod *placed, struct spot *spot);

/* rules_target.c: the spot of rules_placed, borrowed for as long; NULL: the arena is exhausted. */
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

/* rules_target.c: what the Pod asks for as the draft is; with a plan, as it would be. */
void rules_wishes(const struct evaluation *e, const struct rule *rule, const struct plan *plan, struct wishes *wishes);

/*
 * rules_target.c: whether a Pod placed like this could land where there is what it asks for with one of its wishes, and with all others that
 * must be on the same node.
 */
bool rules_could_land(const struct evaluation *e, const struct spot *spot, const struct wishes *wishes, uint32_t which);

/* rules_plan.c: fills the plan's targets, then the rest. What cannot be done is an objection with the Rule's enforcement. */
int rules_plan_targets(struct evaluation *e, const struct rule *rule, struct plan *plan);
int rules_plan(struct pass *pass, const struct rule *rule, struct plan *plan);
bool rules_claimed(const struct pass *pass, struct str key);

/*
 * rules_change.c: takes a name that is rewritten out of the containers that ask for the target already: they keep what they ask for of that.
 * An in-tree admission plugin such as LimitRanger has put the name back.
 */
void rules_drop_leftovers(struct evaluation *e, const struct rule *rule, const struct plan *plan, bool *changed);

/* rules_change.c: does what the plan says; or makes an objection that says what it would do. */
int rules_change(struct pass *pass, const struct rule *rule, const struct plan *plan, bool *changed);
int rules_tell(struct pass *pass, const struct rule *rule, const struct plan *plan);

#endif
