/* Guards: refusals that are not quota. */
#include "policy/catalog.h"
#include "policy/evaluate.h"
#include "policy/placement.h"

#define PATH_MAX_BYTES 4096

/* Values with which a vendor's runtime hands out nothing. */
static bool harmless(const struct env_var *env)
{
	return !env->value_from && (str_eq(env->value, STR("void")) || str_eq(env->value, STR("none")));
}

static bool is_judged(const struct evaluation *e, uint32_t container)
{
	return !e->judged || e->judged[container];
}

/*
 * Resolves `.`, `..` and repeated slashes; the result has no slash at its end (the root is empty). Returns false for a
 * path that is too long to be one.
 */
static bool normalise(struct str path, char *out, size_t *len)
{
	size_t n = 0;
	for (size_t i = 0; i < path.len;) {
		while (i < path.len && path.ptr[i] == '/')
			i++;
		size_t start = i;
		while (i < path.len && path.ptr[i] != '/')
			i++;
		struct str part = {path.ptr + start, i - start};
		if (part.len == 0 || str_eq(part, STR(".")))
			continue;
		if (str_eq(part, STR(".."))) {
			while (n > 0 && out[--n] != '/')
				;
			continue;
		}
		if (n + 1 + part.len > PATH_MAX_BYTES)
			return false;
		out[n++] = '/';
		memcpy(out + n, part.ptr, part.len);
		n += part.len;
	}
	*len = n;
	return true;
}

/* Whether a normalised path is the pattern, something below it, or one of its parents (through which it is reached). */
static bool path_reaches(struct str path, struct str pattern)
{
	bool open = str_ends(pattern, STR("*"));
	if (open)
		pattern.len--;
	if (path.len < pattern.len || (!open && path.len == pattern.len))
		return str_starts(pattern, path) && (path.len == pattern.len || pattern.ptr[path.len] == '/');
	return str_starts(path, pattern) && (open || path.ptr[pattern.len] == '/');
}

static bool is_device_path(struct str path)
{
	char normal[PATH_MAX_BYTES];
	size_t len, count;
	if (!normalise(path, normal, &len))
		return true; /* nobody needs such a path */
	const struct str *patterns = catalog_device_paths(&count);
	for (size_t i = 0; i < count; i++)
		if (path_reaches((struct str){normal, len}, patterns[i]))
			return true;
	return false;
}

/* Where NVIDIA's runtime takes the name of a mounted file for a device to hand out. */
static bool is_device_volume(struct str path)
{
	static const struct str roots[] = {{"/var/run/nvidia-container-devices", 33},
					   {"/run/nvidia-container-devices", 29}};
	char normal[PATH_MAX_BYTES];
	size_t len;
	if (!normalise(path, normal, &len))
		return true;
	struct str p = {normal, len};
	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
		if (str_starts(p, roots[i]) && (p.len == roots[i].len || p.ptr[roots[i].len] == '/'))
			return true;
	return false;
}

/* One refusal of one Guard. */
static int object(struct evaluation *e, const struct guard *guard, enum guard_kind kind,
		  const struct container *container, const char *what, struct str detail)
{
	static const char *const kinds[GUARD_KINDS] = {
	    "visibleDevicesEnv",   "hostDeviceMounts",      "deviceVolumeMounts",
	    "mixedMigInContainer", "sharedRequestAboveOne", "preboundNodeName",
	    "privileged",          "ephemeralContainers",   "resourceClaims"};
	return decision_object(e->decision, e->arena, REASON_GUARD, e->policy->enforcement, str_of(kinds[kind]),
			       "%s%.*s%s%.*s%s (Guard \"%.*s\")", container ? "container \"" : "",
			       container ? (int)container->name.len : 0, container ? container->name.ptr : "",
			       container ? "\" " : "", STR_ARG(detail), what, STR_ARG(guard->name));
}

typedef int check_fn(struct evaluation *e, const struct guard *guard);

/* The Guard that makes variables `void` for this Pod; NULL: none. */
static const struct guard *void_guard(const struct evaluation *e)
{
	for (uint32_t g = 0; e->policy->void_devices && g < e->policy->guard_count; g++) {
		const struct guard *guard = &e->policy->guards[g];
		if (guard->visible_devices == VISIBLE_DEVICES_VOID &&
		    !exempt_match(&guard->exempt, e->review, e->namespace))
			return guard;
	}
	return NULL;
}

static int check_env(struct evaluation *e, const struct guard *guard)
{
	bool voids = void_guard(e) != NULL; /* then containers that ask no accelerator are judged by guards_void */
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		if (!is_judged(e, i) || (voids && !draft_asks(&e->draft, i)))
			continue;
		for (uint32_t v = 0; v < container->env_count; v++) {
			const struct env_var *env = &container->env[v];
			if (catalog_variable(env->name) < 0 || harmless(env))
				continue;
			return object(e, guard, GUARD_VISIBLE_DEVICES_ENV, container,
				      " must not be set: it shows devices that no quota counts; remove it, and ask for "
				      "an accelerator "
				      "in resources.limits",
				      env->name);
		}
	}
	return 0;
}

static int check_host_paths(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->volume_count; i++) {
		const struct volume *volume = &e->pod->volumes[i];
		if (str_present(volume->host_path) && is_device_path(volume->host_path))
			return object(e, guard, GUARD_HOST_DEVICE_MOUNTS, NULL,
				      ": a hostPath volume that reaches accelerators is not allowed; ask for them in "
				      "resources.limits",
				      volume->host_path);
	}
	return 0;
}

static int check_device_volumes(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		for (uint32_t m = 0; is_judged(e, i) && m < container->mount_count; m++)
			if (is_device_volume(container->mounts[m].path))
				return object(e, guard, GUARD_DEVICE_VOLUME_MOUNTS, container,
					      ": a mount there hands out devices that no quota counts; remove it",
					      container->mounts[m].path);
	}
	return 0;
}

static bool is_slice(const struct draft *draft, uint32_t name)
{
	const struct catalog_resource *row = catalog_find(draft->names[name]);
	return draft->resources[name] ? draft->resources[name]->slice : row && row->role == ROLE_SLICE;
}

static int check_mixed_mig(struct evaluation *e, const struct guard *guard)
{
	const struct draft *draft = &e->draft;
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		uint32_t seen = INDEX_NONE;
		for (uint32_t a = draft->first[i]; a != INDEX_NONE; a = draft->amounts[a].next) {
			const struct amount_of *amount = &draft->amounts[a];
			if (amount_value(amount) <= 0 || !is_slice(draft, amount->name))
				continue;
			if (seen != INDEX_NONE && seen != amount->name)
				return object(e, guard, GUARD_MIXED_MIG, &e->pod->containers[i],
					      " beside another MIG profile: a container sees only one of them; use one "
					      "profile, or two "
					      "containers",
					      draft->names[amount->name]);
			seen = amount->name;
		}
	}
	return 0;
}

/* The most of a shared resource that one container may ask; 0: it is not shared on any model that the Pod could land on. Returns -1
 * when the arena is exhausted. */
static int64_t share_limit(const struct evaluation *e, uint32_t name)
{
	const struct resource *resource = e->draft.resources[name];
	struct placement placement;
	int64_t limit = 0;
	if (resource && placement_find(e->policy, resource, e->pod, e->arena, &placement) < 0)
		return -1;
	for (uint32_t i = 0; resource && i < resource->landing_count; i++) {
		const struct landing *landing = &resource->landings[i];
		if (landing->shared && landing->max_per_container > limit && placement_allows(&placement, i))
			limit = landing->max_per_container;
	}
	/* A share by its name alone: no Accelerator says that it has it, or only that it has the slice (snapshot_resource). */
	bool named = !resource || !str_eq(resource->name, e->draft.names[name]);
	return limit ? limit : named && str_ends(e->draft.names[name], CATALOG_SHARED_SUFFIX);
}

static int check_shared(struct evaluation *e, const struct guard *guard)
{
	const struct draft *draft = &e->draft;
	int64_t limits[DRAFT_RESOURCES_MAX];
	for (uint32_t n = 0; n < draft->name_count; n++) {
		limits[n] = share_limit(e, n);
		if (limits[n] < 0)
			return -1;
	}
	for (uint32_t i = 0; draft->name_count && i < e->pod->container_count; i++)
		for (uint32_t a = draft->first[i]; a != INDEX_NONE; a = draft->amounts[a].next) {
			const struct amount_of *amount = &draft->amounts[a];
			if (limits[amount->name] == 0 || amount_value(amount) <= limits[amount->name])
				continue;
			return object(e, guard, GUARD_SHARED_ABOVE_ONE, &e->pod->containers[i],
				      ": more shares in one container are no more of a GPU (they may be of the same "
				      "one); ask for fewer",
				      draft->names[amount->name]);
		}
	return 0;
}

static int check_node_name(struct evaluation *e, const struct guard *guard)
{
	if (e->pod->node_name.len == 0)
		return 0;
	return object(e, guard, GUARD_PREBOUND_NODE_NAME, NULL,
		      ": spec.nodeName passes the scheduler by; use a nodeSelector or node affinity instead",
		      e->pod->node_name);
}

static int check_privileged(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		if (container->privileged && is_judged(e, i))
			return object(e, guard, GUARD_PRIVILEGED, container,
				      "is privileged and so sees every accelerator of its node; remove "
				      "securityContext.privileged",
				      STR(""));
	}
	return 0;
}

static int check_ephemeral(struct evaluation *e, const struct guard *guard)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		const struct container *container = &e->pod->containers[i];
		if (container->list == CONTAINER_EPHEMERAL && is_judged(e, i))
			return object(
			    e, guard, GUARD_EPHEMERAL_CONTAINERS, container,
			    "is an ephemeral container, and these are not allowed here; debug in a copy of the Pod "
			    "(kubectl debug --copy-to)",
			    STR(""));
	}
	return 0;
}

static int check_claims(struct evaluation *e, const struct guard *guard)
{
	if (e->pod->resource_claim_count == 0)
		return 0;
	return object(
	    e, guard, GUARD_RESOURCE_CLAIMS, NULL,
	    "spec.resourceClaims is not allowed: devices claimed there are not counted; ask for an accelerator in "
	    "resources.limits",
	    STR(""));
}

/* By enum guard_kind. `ephemeral`: also looked at when ephemeral containers are added to a running Pod. */
static const struct {
	check_fn *check;
	bool ephemeral;
} checks[GUARD_KINDS] = {
    [GUARD_VISIBLE_DEVICES_ENV] = {check_env, true},
    [GUARD_HOST_DEVICE_MOUNTS] = {check_host_paths, false},
    [GUARD_DEVICE_VOLUME_MOUNTS] = {check_device_volumes, true},
    [GUARD_MIXED_MIG] = {check_mixed_mig, false},
    [GUARD_SHARED_ABOVE_ONE] = {check_shared, false},
    [GUARD_PREBOUND_NODE_NAME] = {check_node_name, false},
    [GUARD_PRIVILEGED] = {check_privileged, true},
    [GUARD_EPHEMERAL_CONTAINERS] = {check_ephemeral, true},
    [GUARD_RESOURCE_CLAIMS] = {check_claims, false},
};

struct void_check {
	struct evaluation *e;
	const struct guard *guard;
};

static int object_void(void *context, uint32_t container, int32_t index, struct str variable)
{
	const struct void_check *check = context;
	(void)index;
	return object(check->e, check->guard, GUARD_VISIBLE_DEVICES_ENV, &check->e->pod->containers[container],
		      " must be \"void\" where no accelerator is asked: an image may set it otherwise; the mutating "
		      "webhook does it, "
		      "so create the Pod again",
		      variable);
}

/* Variables of one container: those that are there and hand out devices, and those of the fleet that are missing. */
static int void_container(const struct evaluation *e, uint32_t at, void_fn *found, void *context)
{
	const struct container *container = &e->pod->containers[at];
	uint32_t there = 0; /* bit per void name */
	for (uint32_t v = 0; v < container->env_count; v++) {
		const struct env_var *env = &container->env[v];
		for (uint32_t n = 0; n < e->policy->void_name_count; n++)
			if (str_eq(env->name, e->policy->void_names[n]))
				there |= 1u << n;
		if (catalog_variable(env->name) >= 0 && !harmless(env) && found(context, at, (int32_t)v, env->name) < 0)
			return -1;
	}
	for (uint32_t n = 0; n < e->policy->void_name_count; n++)
		if (!(there & 1u << n) && found(context, at, -1, e->policy->void_names[n]) < 0)
			return -1;
	return 0;
}

int guards_void(const struct evaluation *e, void_fn *found, void *context)
{
	if (!void_guard(e))
		return 0;
	for (uint32_t i = 0; i < e->pod->container_count; i++)
		if (is_judged(e, i) && !draft_asks(&e->draft, i) && void_container(e, i, found, context) < 0)
			return -1;
	return 0;
}

int guards_check(struct evaluation *e)
{
	bool create = e->review->operation == OPERATION_CREATE;
	for (uint32_t g = 0; g < e->policy->guard_count; g++) {
		const struct guard *guard = &e->policy->guards[g];
		if (guard->kinds == 0 || exempt_match(&guard->exempt, e->review, e->namespace))
			continue;
		for (int k = 0; k < GUARD_KINDS; k++)
			if (guard->kinds & 1u << k && (create || checks[k].ephemeral) && checks[k].check(e, guard) < 0)
				return -1;
	}
	struct void_check check = {e, void_guard(e)};
	return check.guard ? guards_void(e, object_void, &check) : 0;
}
