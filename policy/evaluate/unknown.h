/* unknown: applies Settings.unknownResources. */
#ifndef POLICY_EVALUATE_UNKNOWN_H
#define POLICY_EVALUATE_UNKNOWN_H

#include "policy/evaluate/evaluation.h"

/*
 * Adds a violation if the Pod requests resources that neither the policy nor the catalog knows, and
 * one if it requests device classes that no Accelerator has. Returns 0, or -1 if the arena is
 * exhausted.
 */
int unknown_check(struct evaluation *e);

/* Does the same for the device classes that a claim requests, in the names that Pods use. */
int unknown_check_claim(struct evaluation *e, const struct resource_request *requests, uint32_t count);

#endif
