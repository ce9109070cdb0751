/* guard_violation: what the checks of the Guards share. */
#ifndef POLICY_EVALUATE_GUARD_VIOLATION_H
#define POLICY_EVALUATE_GUARD_VIOLATION_H

#include "gpugate/pod.h"
#include "gpugate/policy_enums.h"
#include "policy/evaluate/evaluation.h"

/*
 * A check of one Guard. Adds violations to the decision. Returns 0, or -1 if the arena is
 * exhausted.
 */
typedef int guard_check_fn(struct evaluation *e, const struct guard *guard);

/*
 * Adds a violation of a Guard. The message is `container "NAME" ` (unless `container` is NULL),
 * `before`, `detail`, `after`, and the name of the Guard. Returns 0, or -1 if the arena is
 * exhausted.
 */
int guard_violation(struct evaluation *e, const struct guard *guard, enum guard_kind kind,
		    const struct container *container, const char *before, struct str detail, const char *after);

/* Does the same, and says that the violation is about that text of the object. */
int guard_violation_at(struct evaluation *e, const struct guard *guard, enum guard_kind kind, struct str about,
		       const struct container *container, const char *before, struct str detail, const char *after);

/* Whether Guards check a container. On pods/ephemeralcontainers, they check only new ones. */
static inline bool guard_judges(const struct evaluation *e, uint32_t container)
{
	return !e->judged || e->judged[container];
}

#endif
