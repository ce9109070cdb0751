/*
 * rules_pass: what the parts of applying Rules share. rules.c goes over the Rules. rules_match.c finds those that are
 * for a Pod. rules_target.c says what names become. rules_plan.c decides what a Rule would do, and what speaks against
 * it. rules_change.c does it, or says it. Functions of these files that return an int return -1 only when the arena is
 * exhausted.
 */
#ifndef POLICY_EVALUATE_RULES_PASS_H
#define POLICY_EVALUATE_RULES_PASS_H

#include "policy/evaluate/evaluation.h"

/* A way in which a Pod is placed, and on which models it could land. Looked up once, since a Pod can make every look
 * long. */
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
	bool refused;   /* an objection was made, and nothing may change */
	bool idle;      /* the Rule is not for a Pod like this: it changes nothing */
	bool elsewhere; /* ... since the Pod selects other nodes than those that have what it would ask for */
};

#endif
