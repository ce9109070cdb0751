/* guard: what the files of the Guards share. guards_check and guards_void are declared in evaluate.h. */
#ifndef POLICY_EVALUATE_GUARD_H
#define POLICY_EVALUATE_GUARD_H

#include "policy/evaluate/evaluate.h"

/* One check of one Guard. Adds objections to the decision. Returns -1 when the arena is exhausted. */
typedef int guard_check_fn(struct evaluation *e, const struct guard *guard);

/*
 * Adds an objection of one Guard: `container "NAME" ` (NULL: no container), then before, detail and after, then the Guard's
 * name. Returns -1 when the arena is exhausted.
 */
int guard_object(struct evaluation *e, const struct guard *guard, enum guard_kind kind,
		 const struct container *container, const char *before, struct str detail, const char *after);

/* Whether Guards look at a container: on pods/ephemeralcontainers only at the new ones. */
static inline bool guard_judges(const struct evaluation *e, uint32_t container)
{
	return !e->judged || e->judged[container];
}

/* guard_env.c, guard_paths.c, guard_pod.c, guard_request.c */
guard_check_fn guard_check_env;
guard_check_fn guard_check_device_paths, guard_check_allowed_paths, guard_check_device_volumes;
guard_check_fn guard_check_privileged, guard_check_device_annotations, guard_check_fractions;
guard_check_fn guard_check_node_name, guard_check_ephemeral, guard_check_claims;
guard_check_fn guard_check_mixed_mig, guard_check_slices, guard_check_shares;

#endif
