/* exempt: who and what the policy leaves alone. */
#ifndef POLICY_EVALUATE_EXEMPT_H
#define POLICY_EVALUATE_EXEMPT_H

#include "gpugate/review.h"
#include "policy/model/snapshot.h"

/* Whether the review's creator or namespace is in a list. */
bool exempt_match(const struct exempt *exempt, const struct review *review, struct str namespace);

#endif
