#include "webhook/admission/apply.h"

/* A copy of the variables of a container, which is made once for all their edits. */
struct env_copy {
	struct env_var *items; /* NULL until one changes. */
	uint32_t added;        /* How many variables all edits append. */
};

struct applying {
	struct pod *pod;
	const struct edit *edits;
	uint32_t edit_count;
	struct container *containers; /* The Pod's containers, copied; NULL until one changes. */
	struct env_copy *envs;        /* Of each container; NULL until one changes. */
	struct pod_claim *claims;     /* The Pod's claims, copied; NULL until one is added. */
	struct arena *arena;
};

/* Returns a copy with room for more items. */
static void *copy_items(struct arena *arena, const void *items, uint32_t count, uint32_t more, size_t size)
{
	char *copy = arena_zalloc(arena, (size_t)count + more, size);
	if (copy && count)
		memcpy(copy, items, count * size);
	return copy;
}

static int set_pair(struct arena *arena, struct pairs *pairs, struct str key, struct str value)
{
	struct pair *items = copy_items(arena, pairs->items, pairs->count, 1, sizeof *items);
	uint32_t at = 0;
	if (!items)
		return -1;
	while (at < pairs->count && !str_eq(items[at].key, key))
		at++;
	items[at] = (struct pair){key, value};
	*pairs = (struct pairs){items, at == pairs->count ? at + 1 : pairs->count, true};
	return 0;
}

static int remove_pair(struct arena *arena, struct pairs *pairs, struct str key)
{
	struct pair *items = copy_items(arena, pairs->items, pairs->count, 1, sizeof *items);
	uint32_t kept = 0;
	if (!items)
		return -1;
	for (uint32_t i = 0; i < pairs->count; i++)
		if (!str_eq(pairs->items[i].key, key))
			items[kept++] = pairs->items[i];
	*pairs = (struct pairs){items, kept, pairs->present};
	return 0;
}

/* Returns the container of an edit in a writable copy, or NULL if the arena is exhausted. */
static struct container *change_container(struct applying *a, const struct edit *edit)
{
	if (!a->containers) {
		a->containers =
		    copy_items(a->arena, a->pod->containers, a->pod->container_count, 1, sizeof *a->containers);
		if (!a->containers)
			return NULL;
		a->pod->containers = a->containers;
	}
	return edit->container < a->pod->container_count ? &a->containers[edit->container] : NULL;
}

static int apply_resource(struct applying *a, const struct edit *edit)
{
	struct container *container = change_container(a, edit);
	if (!container)
		return -1;
	struct pairs *pairs = edit->limits ? &container->limits : &container->requests;
	return str_present(edit->from) ? remove_pair(a->arena, pairs, edit->from)
				       : set_pair(a->arena, pairs, edit->key, edit->value);
}

/* Counts for each container how many variables are appended. Returns -1 without memory. */
static int count_added(struct applying *a)
{
	uint32_t count = a->pod->container_count;
	size_t bytes = (count + (size_t)1) * sizeof *a->envs;
	a->envs = arena_alloc(a->arena, bytes);
	if (!a->envs)
		return -1;
	memset(a->envs, 0, bytes);
	for (uint32_t i = 0; i < a->edit_count; i++) {
		const struct edit *edit = &a->edits[i];
		if (edit->kind == EDIT_ENV && edit->env_index < 0 && edit->container < count)
			a->envs[edit->container].added++;
	}
	return 0;
}

/* Returns the variables of an edit's container in a writable copy, or NULL without memory. */
static struct env_var *change_env(struct applying *a, const struct edit *edit, const struct container *container)
{
	if (!a->envs && count_added(a) < 0)
		return NULL;
	struct env_copy *copy = &a->envs[edit->container];
	if (!copy->items)
		copy->items =
		    copy_items(a->arena, container->env, container->env_count, copy->added, sizeof *copy->items);
	return copy->items;
}

static int apply_env(struct applying *a, const struct edit *edit)
{
	struct container *container = change_container(a, edit);
	struct env_var *env = container ? change_env(a, edit, container) : NULL;
	if (!env)
		return -1;
	uint32_t at = edit->env_index < 0 ? container->env_count++ : (uint32_t)edit->env_index;
	env[at] = (struct env_var){.name = edit->key, .value = edit->value};
	container->env = env;
	container->has_env = true;
	return 0;
}

static int apply_node_selector(struct applying *a, const struct edit *edit)
{
	return set_pair(a->arena, &a->pod->node_selector, edit->key, edit->value);
}

static int apply_toleration(struct applying *a, const struct edit *edit)
{
	struct pod *pod = a->pod;
	struct toleration *items = copy_items(a->arena, pod->tolerations, pod->toleration_count, 1, sizeof *items);
	if (!items)
		return -1;
	items[pod->toleration_count++] = edit->toleration;
	pod->tolerations = items;
	pod->has_tolerations = true;
	return 0;
}

static int apply_claim(struct applying *a, const struct edit *edit)
{
	struct pod *pod = a->pod;
	if (!a->claims)
		a->claims = copy_items(a->arena, pod->claims, pod->claim_count, a->edit_count, sizeof *a->claims);
	if (!a->claims)
		return -1;
	a->claims[pod->claim_count++] = (struct pod_claim){.name = edit->key, .template = edit->value};
	pod->claims = a->claims;
	return 0;
}

static int apply_claim_use(struct applying *a, const struct edit *edit)
{
	struct container *container = change_container(a, edit);
	if (!container)
		return -1;
	struct str *items = copy_items(a->arena, container->claims, container->claim_count, 1, sizeof *items);
	if (!items)
		return -1;
	items[container->claim_count++] = edit->key;
	container->claims = items;
	return 0;
}

static int apply_runtime_class(struct applying *a, const struct edit *edit)
{
	a->pod->runtime_class = edit->value;
	return 0;
}

int pod_apply(struct pod *pod, const struct edit *edits, uint32_t count, struct arena *arena)
{
	static int (*const apply[])(struct applying *, const struct edit *) = {
	    [EDIT_RESOURCE] = apply_resource,           [EDIT_ENV] = apply_env,
	    [EDIT_NODE_SELECTOR] = apply_node_selector, [EDIT_TOLERATION] = apply_toleration,
	    [EDIT_RUNTIME_CLASS] = apply_runtime_class, [EDIT_CLAIM] = apply_claim,
	    [EDIT_CLAIM_USE] = apply_claim_use,
	};
	struct applying a = {.pod = pod, .edits = edits, .edit_count = count, .arena = arena};
	for (uint32_t i = 0; i < count; i++)
		if (apply[edits[i].kind](&a, &edits[i]) < 0)
			return -1;
	return 0;
}
