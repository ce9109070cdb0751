/* guard: calls the checks of the Guards, which are in guard_*.c. */
#include "policy/evaluate/guard.h"

#include "gpugate/policy_enums.h"
#include "policy/evaluate/exempt.h"
#include "policy/evaluate/guard_claims.h"
#include "policy/evaluate/guard_env.h"
#include "policy/evaluate/guard_paths.h"
#include "policy/evaluate/guard_pod.h"
#include "policy/evaluate/guard_request.h"

/*
 * Indexed by enum guard_kind. A check runs on CREATE of a Pod; with `ephemeral`, also when
 * ephemeral containers are added; with `update`, also when a Pod is changed.
 */
static const struct {
	guard_check_fn *check;
	bool ephemeral, update;
} checks[GUARD_KINDS] = {
    [GUARD_VISIBLE_DEVICES_ENV] = {guard_check_env, .ephemeral = true},
    [GUARD_HOST_DEVICE_MOUNTS] = {guard_check_device_paths},
    [GUARD_DEVICE_VOLUME_MOUNTS] = {guard_check_device_volumes, .ephemeral = true},
    [GUARD_MIXED_MIG] = {guard_check_mixed_mig},
    [GUARD_SHARED_ABOVE_ONE] = {guard_check_shares},
    [GUARD_PREBOUND_NODE_NAME] = {guard_check_node_name},
    [GUARD_PRIVILEGED] = {guard_check_privileged, .ephemeral = true},
    [GUARD_EPHEMERAL_CONTAINERS] = {guard_check_ephemeral, .ephemeral = true},
    [GUARD_RESOURCE_CLAIMS] = {guard_check_any_claim},
    [GUARD_DEVICE_ANNOTATIONS] = {guard_check_device_annotations, .update = true},
    [GUARD_FRACTION_ANNOTATIONS] = {guard_check_fractions, .update = true},
    [GUARD_SEVERAL_SLICES] = {guard_check_slices},
    [GUARD_HOST_PATHS] = {guard_check_allowed_paths},
    [GUARD_CLAIMS] = {guard_check_named_claims},
};

/* Whether a check of this kind applies to this type of review. */
static bool concerns(const struct review *review, int kind)
{
	if (review->operation == OPERATION_CREATE)
		return true;
	return review->subresource.len ? checks[kind].ephemeral : checks[kind].update;
}

int guards_check_claim(struct evaluation *e)
{
	for (uint32_t g = 0; g < e->policy->guard_count; g++) {
		const struct guard *guard = &e->policy->guards[g];
		if (guard->limits_classes && !exempt_match(&guard->exempt, e->review, e->namespace, NULL) &&
		    guard_check_claim(e, guard) < 0)
			return -1;
	}
	return 0;
}

int guards_check(struct evaluation *e)
{
	for (uint32_t g = 0; g < e->policy->guard_count; g++) {
		const struct guard *guard = &e->policy->guards[g];
		if (guard->kinds == 0 || exempt_match(&guard->exempt, e->review, e->namespace, NULL))
			continue;
		for (int k = 0; k < GUARD_KINDS; k++)
			if (guard->kinds & UINT32_C(1) << k && concerns(e->review, k) && checks[k].check(e, guard) < 0)
				return -1;
	}
	return 0;
}
