/*
 * guard_env: Guards for the environment variables that tell a container runtime which devices to
 * expose, and the mode that sets these variables to void.
 */
#include "policy/evaluate/guard_env.h"

#include "gpugate/pod.h"
#include "policy/evaluate/exempt.h"
#include "policy/evaluate/violation.h"
#include "policy/model/catalog.h"

/* An entry without a value is empty. */
static bool harmless(const struct env_var *env)
{
	return !env->value_from && catalog_hides_devices(env->value);
}

const struct guard *guards_voiding(const struct evaluation *e)
{
	const struct guard *strictest = NULL;
	for (uint32_t g = 0; e->policy->void_devices && g < e->policy->guard_count; g++) {
		const struct guard *guard = &e->policy->guards[g];
		if (guard->visible_devices == VISIBLE_DEVICES_VOID &&
		    !exempt_match(&guard->exempt, e->review, e->namespace, NULL) &&
		    (!strictest || guard->enforcement < strictest->enforcement))
			strictest = guard;
	}
	return strictest;
}

int guard_check_env(struct evaluation *e, const struct guard *guard)
{
	/*
	 * guards_check_void handles containers that request no accelerator, unless its Guard is
	 * more lenient.
	 */
	const struct guard *voiding = guards_voiding(e);
	bool voids = voiding && voiding->enforcement <= guard->enforcement;
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		if (!guard_judges(e, i) || (voids && !working_pod_requests_any(&e->working, i)))
			continue;
		for (uint32_t v = 0; v < container->env_count; v++) {
			const struct env_var *env = &container->env[v];
			if (catalog_variable(env->name) < 0 || harmless(env))
				continue;
			return guard_violation(
			    e, guard, GUARD_VISIBLE_DEVICES_ENV, container, "sets ", env->name,
			    ", which exposes devices that no quota counts; remove it, and request an "
			    "accelerator in resources.limits");
		}
	}
	return 0;
}

/*
 * Calls `found` for the variables of one container that expose devices, and for the void names that
 * it lacks.
 */
static int void_container(const struct evaluation *e, uint32_t at, void_fn *found, void *context)
{
	const struct container *container = &e->pod->containers[at];
	uint32_t there = 0; /* One bit for each void name. */
	for (uint32_t v = 0; v < container->env_count; v++) {
		const struct env_var *env = &container->env[v];
		for (uint32_t n = 0; n < e->policy->void_name_count; n++)
			if (str_eq(env->name, e->policy->void_names[n]))
				there |= UINT32_C(1) << n;
		if (catalog_variable(env->name) >= 0 && !harmless(env) && found(context, at, (int32_t)v, env->name) < 0)
			return -1;
	}
	for (uint32_t n = 0; n < e->policy->void_name_count; n++)
		if (!(there & UINT32_C(1) << n) && found(context, at, -1, e->policy->void_names[n]) < 0)
			return -1;
	return 0;
}

static int each_void(const struct evaluation *e, void_fn *found, void *context)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++)
		if (guard_judges(e, i) && !working_pod_requests_any(&e->working, i) &&
		    void_container(e, i, found, context) < 0)
			return -1;
	return 0;
}

int guards_void(const struct evaluation *e, void_fn *found, void *context)
{
	const struct guard *guard = guards_voiding(e);
	/* A Guard with enforcement audit changes nothing. */
	return guard && guard->enforcement != ENFORCEMENT_AUDIT ? each_void(e, found, context) : 0;
}

struct void_check {
	struct evaluation *e;
	const struct guard *guard;
};

static int object_void(void *context, uint32_t container, int32_t index, struct str variable)
{
	const struct void_check *check = context;
	/*
	 * In audit, /mutate sets nothing, so nearly every Pod lacks the variable. Reporting all of
	 * them would be useless.
	 */
	if (index < 0 && check->guard->enforcement == ENFORCEMENT_AUDIT)
		return 0;
	return guard_violation(check->e, check->guard, GUARD_VOID, &check->e->pod->containers[container], "must set ",
			       variable,
			       " to \"void\", since it requests no accelerator and its image may set the variable; the "
			       "mutating webhook does "
			       "that, so create the Pod again");
}

int guards_check_void(struct evaluation *e)
{
	struct void_check check = {e, guards_voiding(e)};
	return check.guard ? each_void(e, object_void, &check) : 0;
}
