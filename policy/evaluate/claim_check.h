/* claim_check: what quotas require of a ResourceClaim, other than room. */
#ifndef POLICY_EVALUATE_CLAIM_CHECK_H
#define POLICY_EVALUATE_CLAIM_CHECK_H

#include "policy/evaluate/evaluation.h"

/*
 * Whether a scheduler creates the claim for the extended resources of a Pod, which the Pod itself
 * has requested by name. Anyone can set the annotation that says so, so the user must be the
 * scheduler, and the controller of the claim must be a Pod.
 */
bool claim_is_of_scheduler(const struct review *review);

/* Whether the review adds the annotation to a claim that exists, or changes it there. */
bool claim_is_marked_later(const struct review *review);

/*
 * Checks a ResourceClaim that is created. Adds violations, fills in decision->consumer, and sets
 * decision->charged, as charges_check does for Pods. What cannot be counted and what is used
 * without being held are refused where the tenant has quotas; a mark that is not the scheduler's is
 * refused everywhere. Returns 0, or -1 if the arena is exhausted.
 */
int claim_check(struct evaluation *e);

/*
 * Checks a claim for which claim_is_marked_later: with the mark, it would no longer be charged.
 * Returns 0, or -1 if the arena is exhausted.
 */
int claim_check_mark(struct evaluation *e);

#endif
