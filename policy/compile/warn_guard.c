/* warn_guard: warns about Guards that allow claims of accelerators where claims are not counted. */
#include "gpugate/policy.h"
#include "gpugate/policy_enums.h"
#include "policy/base/glob.h"
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"

/*
 * Device classes of accelerators, as their DRA drivers install them. Sources: the Helm charts of
 * k8s-dra-driver-gpu, k8s-gpu-dra-driver, and intel-resource-drivers-for-kubernetes.
 */
static const struct str accelerator_classes[] = {
    {"gpu.nvidia.com", 14}, {"mig.nvidia.com", 14}, {"vfio.gpu.nvidia.com", 19},
    {"gpu.amd.com", 11},    {"gpu.intel.com", 13},  {"gaudi.intel.com", 15},
};
#define ACCELERATOR_CLASSES (sizeof accelerator_classes / sizeof *accelerator_classes)

static bool lists(const struct globs *classes, struct str name, uint64_t *work)
{
	for (uint32_t i = 0; i < classes->count; i++)
		if (warn_spend(work, classes->items[i].len + 1) && glob_match(classes->items[i], name))
			return true;
	return false;
}

/* Whether another Guard refuses what this one allows. */
static bool is_refused(const struct policy *policy, struct str by_other_than, struct str name, uint64_t *work)
{
	for (uint32_t i = 0; i < policy->guard_count; i++) {
		const struct guard *guard = &policy->guards[i];
		if (guard->enforcement != ENFORCEMENT_DENY || str_eq(guard->name, by_other_than))
			continue;
		if (guard->kinds & UINT32_C(1) << GUARD_RESOURCE_CLAIMS ||
		    (guard->limits_classes && !lists(&guard->claim_classes, name, work)))
			return true;
	}
	return false;
}

/* Warns of the first class of an accelerator that a pattern allows. */
static void warn_pattern(struct compile *c, const struct doc_guard *guard, const struct text *pattern, uint64_t *work)
{
	for (size_t k = 0; k < ACCELERATOR_CLASSES; k++) {
		struct str name = accelerator_classes[k];
		if (!warn_spend(work, pattern->s.len + 1))
			return;
		if (!glob_match(pattern->s, name) || is_refused(c->policy, guard->name.s, name, work))
			continue;
		COMPILE_LINT(c, LINT_CLAIM_UNCOUNTED, pattern->at,
			     "this allows claims of the device class \"%.*s\", and no quota counts what is claimed as "
			     "long as no Accelerator lists a device class; list it in deviceClasses of its Accelerator",
			     STR_ARG(name));
		return;
	}
}

void compile_guard_warnings(struct compile *c)
{
	uint64_t work = WARN_WORK_MAX;
	if (policy_counts_claims(c->policy))
		return;
	for (uint32_t g = 0; g < c->docs->guards.count; g++) {
		const struct doc_guard *guard = &c->docs->guards.items[g];
		for (uint32_t i = 0; i < guard->claims.classes.count; i++)
			warn_pattern(c, guard, &guard->claims.classes.items[i], &work);
	}
}
