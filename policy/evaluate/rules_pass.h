/*
 * rules_pass: the state that the files which apply Rules share. rules.c iterates over the Rules.
 * rules_match.c finds those that match a Pod. rules_target.c computes the new names. rules_plan.c
 * plans what a Rule would change, and checks what prevents it. rules_change.c makes the change or
 * reports it. Their functions that return an int return 0, or -1 if the arena is exhausted, unless
 * a comment says otherwise.
 */
#ifndef POLICY_EVALUATE_RULES_PASS_H
#define POLICY_EVALUATE_RULES_PASS_H

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "policy/evaluate/evaluation.h"

/*
 * A Pod with a node selector, and the models that it can run on. It is computed once, because a
 * large Pod makes each computation expensive.
 */
enum { REACH_UNKNOWN, REACH_NO, REACH_YES };
struct spot {
	const struct pod *placed;
	const uint8_t *reached; /* By model: REACH_YES or REACH_NO. */
};

/* The state of one pass. */
struct pass {
	struct evaluation *e;
	uint32_t *found; /* Candidate Rules, sorted by rank; may contain duplicates. */
	uint32_t found_count, found_size;
	bool exhausted;
	struct str *claims; /* Keys of nodeSelector that a Rule has set in this pass. */
	uint32_t claim_count, claim_size;
	bool runtime_claimed;
	struct pod placed; /* The Pod with the working Pod's node selector; see rules_placed. */
	bool placed_valid;
	struct spot before; /* Where `placed` can run; see rules_before. */
	bool before_valid;
};

enum target_problem {
	TARGET_OK,
	TARGET_NO_MEMORY, /* The value in the Pod is not an amount of memory. */
	TARGET_NO_UNIT,   /* The value in the Pod lacks a unit. */
	TARGET_TOO_LARGE, /* No profile has that much memory. */
	TARGET_NO_PROFILE /* The Accelerator has no profile that may be chosen. */
};

/* The name that a rewrite gives to its resource for this Pod, or the claims instead. */
struct target {
	struct str name;     /* Absent: none. */
	struct str template; /* Of the claims; absent: none. */
	enum target_problem problem;
	struct str stated;             /* The amount of memory as the Pod states it. */
	const struct profile *largest; /* The largest profile, for TARGET_TOO_LARGE. */
};

/* Whether there is something to do, and no problem. */
static inline bool target_acts(const struct target *target)
{
	return str_present(target->name) || str_present(target->template);
}

/* What a Rule would change in the working Pod. */
struct plan {
	struct target *targets; /* By rewrite; see target_acts. */
	/* All node selector entries that the Rule sets, even if already there. */
	struct pair *labels;
	uint32_t label_count;
	bool runtime_class;
	bool denied; /* A violation was added, and nothing may change. */
	bool idle;   /* The Rule does not apply to such a Pod, and changes nothing. */
	/* Claims would not be exactly what a container requests: the Rule is idle. */
	bool inexact;
	/* The Pod selects other nodes than those that have the target: the Rule is idle. */
	bool elsewhere;
};

#endif
