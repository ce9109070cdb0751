/* guard_object: what the checks of the Guards share. */
#ifndef POLICY_EVALUATE_GUARD_OBJECT_H
#define POLICY_EVALUATE_GUARD_OBJECT_H

#include "gpugate/pod.h"
#include "gpugate/policy_enums.h"
#include "policy/evaluate/evaluation.h"

/* One check of one Guard. Adds objections to the decision. Returns -1 when the arena is exhausted. */
typedef int guard_check_fn(struct evaluation *e, const struct guard *guard);

/*
 * Adds an objection of one Guard: `container "NAME" ` (NULL: no container), then before, detail and after, then the
 * Guard's name. Returns -1 when the arena is exhausted.
 */
int guard_object(struct evaluation *e, const struct guard *guard, enum guard_kind kind,
		 const struct container *container, const char *before, struct str detail, const char *after);

/* Whether Guards look at a container: on pods/ephemeralcontainers only at the new ones. */
static inline bool guard_judges(const struct evaluation *e, uint32_t container)
{
	return !e->judged || e->judged[container];
}

#endif
