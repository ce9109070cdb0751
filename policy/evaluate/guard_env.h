/* guard_env: Guards of the variables by which runtimes hand out devices. */
#ifndef POLICY_EVALUATE_GUARD_ENV_H
#define POLICY_EVALUATE_GUARD_ENV_H

#include "policy/evaluate/guard_object.h"

guard_check_fn guard_check_env; /* visibleDevicesEnv */

/* Adds objections to variables that are not `void` where a Guard wants them to be. Returns -1 when the arena is
 * exhausted. */
int guards_check_void(struct evaluation *e);

/* The Guard that makes variables `void` for this Pod, the strictest if there are several; NULL: none. */
const struct guard *guards_voiding(const struct evaluation *e);

/* Calls back for each variable that must become `void`. `index` is -1 where the container lacks it. */
typedef int void_fn(void *context, uint32_t container, int32_t index, struct str variable);
int guards_void(const struct evaluation *e, void_fn *found, void *context);

#endif
