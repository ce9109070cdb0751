/* exempt: matches the exemptions of a policy. */
#ifndef POLICY_EVALUATE_EXEMPT_H
#define POLICY_EVALUATE_EXEMPT_H

#include "gpugate/review.h"
#include "gpugate/trace.h"
#include "policy/model/snapshot.h"

/*
 * Whether the namespace, or the user or a group of the review, is in a list. If so, `*why`, which
 * may be NULL, says which of them, and what matched it.
 */
bool exempt_match(const struct exempt *exempt, const struct review *review, struct str namespace,
		  struct exemption *why);

#endif
