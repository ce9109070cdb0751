/* reapply: keeps what Rules and Guards have set when a manifest is applied again. */
#ifndef POLICY_EVALUATE_REAPPLY_H
#define POLICY_EVALUATE_REAPPLY_H

#include "gpugate/decision.h"
#include "gpugate/review.h"
#include "policy/model/snapshot.h"

/* Whether the review is an update of a Pod. */
bool reapply_concerns(const struct review *review);

/*
 * Adds the edits that undo what an apply of the manifest would revert: accelerator names, `void`
 * variables, node selectors, tolerations, and the runtime class. Returns 0, or -1 if the arena is
 * exhausted.
 */
int reapply_edits(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision);

#endif
