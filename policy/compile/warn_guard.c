/* warn_guard: warns about Guards that allow claims of devices, which no quota counts. */
#include "gpugate/policy_enums.h"
#include "policy/base/glob.h"
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"

/* The name of a resource that stands for a device class, without the domain. */
static struct str class_of(struct str resource)
{
	const char *slash = resource.len ? memrchr(resource.ptr, '/', resource.len) : NULL;
	return slash ? str_tail(resource, (size_t)(slash - resource.ptr) + 1) : resource;
}

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

/* Warns of the first class of an Accelerator that a pattern allows. */
static void warn_pattern(struct compile *c, const struct doc_guard *guard, const struct text *pattern, uint64_t *work)
{
	const struct policy *policy = c->policy;
	for (uint32_t m = 0; m < policy->model_count; m++)
		for (uint32_t k = 0; k < policy->models[m].class_count; k++) {
			struct str name = class_of(policy->models[m].classes[k].name);
			if (!warn_spend(work, pattern->s.len + 1))
				return;
			if (!glob_match(pattern->s, name) || is_refused(policy, guard->name.s, name, work))
				continue;
			COMPILE_LINT(
			    c, LINT_CLAIM_UNCOUNTED, pattern->at,
			    "this allows claims of the device class \"%.*s\" of Accelerator \"%.*s\" (%s), and no quota "
			    "counts what is claimed; list only classes of devices that are not to be counted, and let "
			    "Pods request deviceclass.resource.kubernetes.io/%.*s in resources.limits",
			    STR_ARG(name), STR_ARG(policy->models[m].name),
			    compile_where(c, c->accelerators[m]->name.at), STR_ARG(name));
			return;
		}
}

void compile_guard_warnings(struct compile *c)
{
	uint64_t work = WARN_WORK_MAX;
	for (uint32_t g = 0; g < c->docs->guards.count; g++) {
		const struct doc_guard *guard = &c->docs->guards.items[g];
		for (uint32_t i = 0; i < guard->claims.classes.count; i++)
			warn_pattern(c, guard, &guard->claims.classes.items[i], &work);
	}
}
