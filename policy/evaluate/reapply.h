/* reapply: keeps what Rules and Guards have set when a manifest is applied again. */
#ifndef POLICY_EVALUATE_REAPPLY_H
#define POLICY_EVALUATE_REAPPLY_H

#include "gpugate/decision.h"
#include "gpugate/review.h"
#include "policy/model/snapshot.h"

/* Whether the review is of a Pod that changes. */
bool restore_concerns(const struct review *review);

/*
 * Adds the edits that undo what an apply of the Pod's manifest would change back: accelerator names, `void` variables,
 * node selectors, tolerations and the runtime class. Returns -1 when the arena is exhausted.
 */
int restore_edits(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision);

#endif
