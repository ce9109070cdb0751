/* exempt: who and what the policy leaves alone. */
#ifndef POLICY_EVALUATE_EXEMPT_H
#define POLICY_EVALUATE_EXEMPT_H

#include "gpugate/trace.h"
#include "policy/model/snapshot.h"

/*
 * Whether the review's creator or namespace is in a list. If so, `*why`, which may be NULL, says
 * which of them, and what matched it.
 */
bool exempt_match(const struct exempt *exempt, const struct review *review, struct str namespace,
		  struct exemption *why);

#endif
