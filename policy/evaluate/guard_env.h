/*
 * guard_env: Guards for the environment variables that tell a container runtime which devices to
 * expose.
 */
#ifndef POLICY_EVALUATE_GUARD_ENV_H
#define POLICY_EVALUATE_GUARD_ENV_H

#include "policy/evaluate/guard_violation.h"

guard_check_fn guard_check_env; /* visibleDevicesEnv */

/*
 * Adds a violation for each variable that a Guard requires to be `void` and that is not. Returns
 * 0, or -1 if the arena is exhausted.
 */
int guards_check_void(struct evaluation *e);

/*
 * Returns the Guard that sets variables to `void` for this Pod, the strictest if there are several,
 * or NULL.
 */
const struct guard *guards_voiding(const struct evaluation *e);

/*
 * Calls `found` for each variable that must be set to `void`. `index` is its index in the list
 * `env` of the container, or -1 if it is missing. Stops and returns -1 if `found` returns a
 * negative number.
 */
typedef int void_fn(void *context, uint32_t container, int32_t index, struct str variable);
int guards_void(const struct evaluation *e, void_fn *found, void *context);

#endif
