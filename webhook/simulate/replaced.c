#include "webhook/simulate/replaced.h"

#include <stdlib.h>

#include "gpugate/hash.h"
#include "gpugate/hash_map.h"

#define ARENA_CHUNK ((size_t)16 << 10)
#define ARENA_MAX ((size_t)512 << 20) /* For the names of some million Pods. */
#define SLOTS 1024

struct noted_pod {
	struct noted_pod *next;
	struct str uid;
};

/* An object that has Pods. */
struct pod_owner {
	struct hash_link link; /* Must come first. */
	struct str kind, namespace, name;
	struct noted_pod *pods;
};

struct replaced {
	struct arena arena; /* For the objects and the Pods. */
	struct hash_map map;
};

static uint64_t hash_of(struct str kind, struct str namespace, struct str name)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, kind.ptr, kind.len);
	hash = hash_bytes(hash_byte(hash, 0), namespace.ptr, namespace.len);
	return hash_bytes(hash_byte(hash, 0), name.ptr, name.len);
}

static struct pod_owner *find(const struct replaced *replaced, struct str kind, struct str namespace, struct str name)
{
	uint64_t hash = hash_of(kind, namespace, name);
	for (struct hash_link *link = hash_map_chain(&replaced->map, hash); link; link = link->next) {
		struct pod_owner *owner = (struct pod_owner *)(void *)link;
		if (link->hash == hash && str_eq(owner->kind, kind) && str_eq(owner->namespace, namespace) &&
		    str_eq(owner->name, name))
			return owner;
	}
	return NULL;
}

struct replaced *replaced_create(void)
{
	struct replaced *replaced = calloc(1, sizeof *replaced);
	if (!replaced)
		return NULL;
	arena_init(&replaced->arena, ARENA_CHUNK, ARENA_MAX);
	if (hash_map_init(&replaced->map, SLOTS) == 0)
		return replaced;
	replaced_destroy(replaced);
	return NULL;
}

void replaced_destroy(struct replaced *replaced)
{
	if (!replaced)
		return;
	hash_map_release(&replaced->map);
	arena_release(&replaced->arena);
	free(replaced);
}

/* --- Pods that exist --- */

/* The name of the Deployment whose ReplicaSet owns the Pod; empty if that cannot be one. */
static struct str deployment_of(const struct pod *pod)
{
	struct str name = pod->owner.name;
	for (uint32_t i = 0; i < pod->labels.count; i++) {
		struct str hash = pod->labels.items[i].value;
		if (str_eq(pod->labels.items[i].key, STR("pod-template-hash")) && hash.len && name.len > hash.len + 1 &&
		    str_ends(name, hash) && name.ptr[name.len - hash.len - 1] == '-')
			return (struct str){name.ptr, name.len - hash.len - 1};
	}
	return (struct str){"", 0};
}

static struct pod_owner *add_owner(struct replaced *replaced, struct str kind, struct str namespace, struct str name)
{
	struct pod_owner *owner = arena_zalloc(&replaced->arena, 1, sizeof *owner);
	if (!owner)
		return NULL;
	owner->kind = arena_str(&replaced->arena, kind);
	owner->namespace = arena_str(&replaced->arena, namespace);
	owner->name = arena_str(&replaced->arena, name);
	if (!str_present(owner->kind) || !str_present(owner->namespace) || !str_present(owner->name))
		return NULL;
	hash_map_add(&replaced->map, &owner->link, hash_of(kind, namespace, name));
	return owner;
}

/* Without a name there is no such object. */
static int add(struct replaced *replaced, struct str uid, struct str kind, struct str namespace, struct str name)
{
	if (!name.len)
		return 0;
	struct pod_owner *owner = find(replaced, kind, namespace, name);
	struct noted_pod *noted = arena_alloc(&replaced->arena, sizeof *noted);
	if (!noted || (!owner && !(owner = add_owner(replaced, kind, namespace, name))))
		return -1;
	*noted = (struct noted_pod){owner->pods, uid};
	owner->pods = noted;
	return 0;
}

int replaced_note(struct replaced *replaced, const struct pod *pod)
{
	if (str_eq(pod->phase, STR("Succeeded")) || str_eq(pod->phase, STR("Failed")))
		return 0;
	struct str uid = arena_str(&replaced->arena, pod->uid);
	if (!str_present(uid) || add(replaced, uid, STR("Pod"), pod->namespace, pod->name) < 0)
		return -1;
	struct str kind = subject_owner(pod->owner.api_version, pod->owner.kind, &replaced->arena);
	if (!str_present(kind) || (kind.len && add(replaced, uid, kind, pod->namespace, pod->owner.name) < 0))
		return -1;
	return str_eq(pod->owner.kind, STR("ReplicaSet"))
		   ? add(replaced, uid, STR("Deployment"), pod->namespace, deployment_of(pod))
		   : 0;
}

void replaced_forget(struct replaced *replaced)
{
	struct hash_link *link = hash_map_next(&replaced->map, NULL);
	while (link) {
		struct hash_link *next = hash_map_next(&replaced->map, link);
		hash_map_remove(&replaced->map, link);
		link = next;
	}
	arena_reset(&replaced->arena);
}

/* --- Pods in their place --- */

/* Returns how many Pods one of the simulations had. */
static int64_t remove_pods(struct pod_owner *owner, struct simulation *const *simulations, size_t count)
{
	int64_t removed = 0;
	for (const struct noted_pod *pod = owner->pods; pod; pod = pod->next) {
		bool held = false;
		for (size_t i = 0; i < count; i++)
			held |= simulation_gone(simulations[i], pod->uid);
		removed += held;
	}
	owner->pods = NULL;
	return removed;
}

struct replacement replaced_take(struct replaced *replaced, const struct subject *subject, struct str name,
				 struct simulation *const *simulations, size_t simulation_count)
{
	struct replacement taken = {.count = subject->count};
	struct pod_owner *owner =
	    replaced && subject->kind ? find(replaced, subject->owner, subject->review.namespace, name) : NULL;
	if (owner)
		taken.replaced = remove_pods(owner, simulations, simulation_count);
	taken.count = workload_rollout(&subject->count, taken.replaced);
	return taken;
}
