/*
 * gang: what all Pods of the group of a Pod request together, for a Rule that admits the group only
 * as a whole.
 */
#ifndef WEBHOOK_ADMISSION_GANG_H
#define WEBHOOK_ADMISSION_GANG_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/pod_group.h"
#include "gpugate/policy.h"
#include "gpugate/review.h"

#define GANG_OBJECT_BYTES_MAX ((size_t)512 << 10) /* Longer objects are not read. */

/* What is known of the object that has the group. */
enum gang_object {
	GANG_OBJECT_READ,
	GANG_OBJECT_ABSENT,    /* It does not exist. */
	GANG_OBJECT_UNREAD,    /* It could not be read. */
	GANG_OBJECT_TOO_LARGE, /* It is longer than GANG_OBJECT_BYTES_MAX. */
};

/*
 * Sets the group of decision->consumer, if the policy decides groups and the Pod is in one. If the
 * decision has a gang_rule, sets consumer->gang if the Pod itself says how many Pods the group has.
 * Returns 1 if the object of `group` is to be read first; its `resource` is set then. Returns 0 if
 * nothing is to be read, or -1 if the arena is exhausted. Borrows from the review, the policy, and
 * the arena.
 */
int gang_find(const struct policy *policy, const struct review *review, struct arena *arena, struct decision *decision,
	      struct pod_group *group);

/*
 * Sets consumer->gang from that object, whose JSON is given if it was read. REVIEW_PADDING readable
 * bytes must follow it, and it is not used later. The gang stays as it is if the object does not
 * exist, has one Pod, does not say a number, or if its Pods do not exist at the same time: without
 * a gang, the Pod is decided alone. If what the group requests cannot be found, and the Pod says no
 * size either, an outage is added to the violations.
 * Returns 0, or -1 if the arena is exhausted.
 */
int gang_read(const struct policy *policy, const struct review *review, const struct pod_group *group,
	      enum gang_object state, struct str json, struct arena *arena, struct decision *decision);

#endif
