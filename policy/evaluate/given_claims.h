/*
 * given_claims: the claims of devices that Rules give to a Pod instead of a request (`toClaim`),
 * and which containers use them. Their names in spec.resourceClaims are gpugate-0, gpugate-1, and
 * so on, by which a later evaluation knows them. A claim that the Pod has already keeps such a
 * name.
 *
 * All memory is in the arena of the request, and bounded by the containers of the Pod. The work is
 * linear in its text.
 */
#ifndef POLICY_EVALUATE_GIVEN_CLAIMS_H
#define POLICY_EVALUATE_GIVEN_CLAIMS_H

#include "gpugate/decision.h"
#include "gpugate/pod.h"
#include "policy/model/snapshot.h"

#define GIVEN_CLAIMS_MAX 64 /* Claims of one Pod that have such a name. */
#define GIVEN_USES_MAX 1024 /* Uses of these claims by containers. */
#define GIVEN_NAMES_MAX 128 /* Numbers below this; with twice the claims, one is always free. */
#define GIVEN_NONE UINT32_MAX

/* A set of numbers below GIVEN_NAMES_MAX. */
struct given_set {
	uint64_t bits[GIVEN_NAMES_MAX / 64];
};

static inline bool given_has(const struct given_set *set, uint32_t number)
{
	return set->bits[number / 64] >> number % 64 & 1;
}

static inline void given_put(struct given_set *set, uint32_t number)
{
	set->bits[number / 64] |= UINT64_C(1) << number % 64;
}

struct given_claims {
	struct given_set listed;               /* In spec.resourceClaims of the Pod. */
	struct given_set taken;                /* These, and those that a container names. */
	struct given_set added;                /* Given by this evaluation. */
	struct str templates[GIVEN_NAMES_MAX]; /* Of listed and added ones; absent: none. */
	uint32_t count;                        /* Of taken and added ones. */
	struct given_uses {
		struct given_set had, added;
	} * uses;           /* By container. */
	uint32_t use_count; /* Of both. */
};

/*
 * Returns what the Pod has of such claims, or NULL if the arena is exhausted. It borrows the Pod.
 */
struct given_claims *given_claims_read(const struct pod *pod, struct arena *arena);

/* Whether the Pod has more of them than are considered. */
static inline bool given_claims_exceed(const struct given_claims *given)
{
	return given->count > GIVEN_CLAIMS_MAX || given->use_count > GIVEN_USES_MAX;
}

/*
 * Returns the claims that the container used before this evaluation, and that Rules of the policy
 * give for `value` of `from`, directly or in several steps.
 */
struct given_set given_claims_for(const struct given_claims *given, const struct policy *policy, uint32_t container,
				  struct str from, int64_t value);

/* Whether the container used a claim from the template before this evaluation. */
bool given_claims_uses(const struct given_claims *given, uint32_t container, struct str template);

static inline bool given_is_empty(const struct given_set *set)
{
	return !set->bits[0] && !set->bits[1];
}

/*
 * Adds a claim from a template, and returns its number, or GIVEN_NONE if there are GIVEN_CLAIMS_MAX
 * already.
 */
uint32_t given_claims_add(struct given_claims *given, struct str template);

/* Lets a container use a claim that given_claims_add has returned. It must not use it already. */
void given_claims_use(struct given_claims *given, uint32_t container, uint32_t number);

/* Returns the name of a claim, in the arena; absent if that is exhausted. */
struct str given_claims_name(struct arena *arena, uint32_t number);

/*
 * given_claims_edit_count returns how many edits the additions need; given_claims_edits writes
 * them. It returns 0, or -1 if the arena is exhausted.
 */
uint32_t given_claims_edit_count(const struct given_claims *given, const struct pod *pod);
int given_claims_edits(const struct given_claims *given, const struct pod *pod, struct arena *arena,
		       struct edit *edits);

#endif
