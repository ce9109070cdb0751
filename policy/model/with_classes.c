/* with_classes: a policy that knows the DeviceClasses of a cluster. */
#include <stddef.h>
#include <stdlib.h>

#include "gpugate/device_classes.h"
#include "policy/model/snapshot.h"

/* Other threads retain and release a policy while it is copied, so the count is not read. */
#define COPIED offsetof(struct policy, arena)
#define CHUNK ((size_t)16 << 10)
/* More than DEVICE_CLASSES_MAX classes with the longest names take. */
#define MAP_MAX ((size_t)4 << 20)

static struct str without_prefix(struct str resource)
{
	return str_tail(resource, CATALOG_CLASS_PREFIX.len);
}

/* Returns a copy without classes, which shares everything but its reference count and memory. */
static struct policy *copy_policy(const struct policy *policy)
{
	const struct policy *loaded = policy->loaded ? policy->loaded : policy;
	struct policy *copy = malloc(sizeof *copy);
	if (!copy)
		return NULL;
	memcpy((char *)copy + COPIED, (const char *)loaded + COPIED, sizeof *copy - COPIED);
	atomic_init(&copy->references, 1);
	arena_init(&copy->arena, CHUNK, MAP_MAX);
	copy->loaded = loaded;
	policy_retain(loaded);
	return copy;
}

const struct policy *policy_with_classes(const struct policy *policy, const struct device_classes *classes)
{
	struct policy *copy = copy_policy(policy);
	if (!copy || class_map_init(&copy->class_map, classes, &copy->arena) == 0)
		return copy;
	policy_release(copy);
	return NULL;
}

const struct policy *policy_with_classes_of(const struct policy *policy, const struct policy *other)
{
	const struct class_map *map = &other->class_map;
	struct device_class *items = calloc(map->names.count + 1, sizeof *items);
	const struct policy *made = NULL;
	const struct device_classes classes = {items, map->names.count, map->gap};
	for (uint32_t i = 0; items && i < map->names.count; i++)
		items[i] = (struct device_class){.name = without_prefix(map->classes[map->names.entries[i].id]),
						 .resource = map->names.entries[i].key};
	if (items && other->loaded)
		made = policy_with_classes(policy, &classes);
	else if (items)
		policy_retain(made = policy);
	free(items);
	return made;
}

bool policy_classes_equal(const struct policy *a, const struct policy *b)
{
	return class_map_equal(&a->class_map, &b->class_map);
}

struct str policy_class_of(const struct policy *policy, struct str resource)
{
	struct str class = snapshot_class(policy, resource);
	return str_present(class) ? without_prefix(class) : class;
}
