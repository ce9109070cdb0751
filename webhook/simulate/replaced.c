#include "webhook/simulate/replaced.h"

#include <stdlib.h>

#include "gpugate/hash.h"
#include "gpugate/hash_map.h"
#include "webhook/object/workload.h"

#define ARENA_CHUNK ((size_t)16 << 10)
#define ARENA_MAX ((size_t)64 << 20) /* For the uids of some 500,000 Pods. */

struct noted_pod {
	struct noted_pod *next;
	struct str uid;
};

struct workload_pods {
	struct hash_link link; /* Must come first. */
	struct str kind, namespace, name;
	struct noted_pod *pods;
};

struct replaced {
	struct arena arena; /* For the Pods. */
	struct hash_map map;
	struct workload_pods *objects; /* By position in the manifest; zeroed if without Pods. */
	uint32_t count;
};

static uint64_t hash_of(struct str kind, struct str namespace, struct str name)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, kind.ptr, kind.len);
	hash = hash_bytes(hash_byte(hash, 0), namespace.ptr, namespace.len);
	return hash_bytes(hash_byte(hash, 0), name.ptr, name.len);
}

static struct workload_pods *find(const struct replaced *replaced, struct str kind, struct str namespace,
				  struct str name)
{
	uint64_t hash = hash_of(kind, namespace, name);
	for (struct hash_link *link = hash_map_chain(&replaced->map, hash); link; link = link->next) {
		struct workload_pods *object = (struct workload_pods *)(void *)link;
		if (link->hash == hash && str_eq(object->kind, kind) && str_eq(object->namespace, namespace) &&
		    str_eq(object->name, name))
			return object;
	}
	return NULL;
}

/* Of two objects with the same identity, the first one has the Pods. */
static void add(struct replaced *replaced, struct workload_pods *object, const struct manifest_object *from,
		struct str namespace)
{
	object->kind = from->kind;
	object->name = from->name;
	object->namespace = from->namespace.len ? from->namespace : namespace;
	if (object->name.len && !find(replaced, object->kind, object->namespace, object->name))
		hash_map_add(&replaced->map, &object->link, hash_of(object->kind, object->namespace, object->name));
}

struct replaced *replaced_create(const struct manifest *manifest, struct str namespace)
{
	struct replaced *replaced = calloc(1, sizeof *replaced);
	if (!replaced)
		return NULL;
	arena_init(&replaced->arena, ARENA_CHUNK, ARENA_MAX);
	replaced->count = manifest->count;
	replaced->objects = calloc((size_t)manifest->count + 1, sizeof *replaced->objects);
	if (!replaced->objects || hash_map_init(&replaced->map, 64) < 0) {
		replaced_destroy(replaced);
		return NULL;
	}
	for (uint32_t i = 0; i < manifest->count; i++) {
		const struct manifest_object *object = &manifest->objects[i];
		if (workload_find(object->api_version, object->kind))
			add(replaced, &replaced->objects[i], object, namespace);
	}
	return replaced;
}

void replaced_destroy(struct replaced *replaced)
{
	if (!replaced)
		return;
	hash_map_release(&replaced->map);
	arena_release(&replaced->arena);
	free(replaced->objects);
	free(replaced);
}

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

static struct workload_pods *owner_of(const struct replaced *replaced, const struct pod *pod)
{
	struct workload_pods *owner = find(replaced, STR("Pod"), pod->namespace, pod->name);
	if (!owner && str_present(pod->owner.kind))
		owner = find(replaced, pod->owner.kind, pod->namespace, pod->owner.name);
	if (!owner && str_eq(pod->owner.kind, STR("ReplicaSet")))
		owner = find(replaced, STR("Deployment"), pod->namespace, deployment_of(pod));
	return owner;
}

int replaced_note(struct replaced *replaced, const struct pod *pod)
{
	struct workload_pods *owner = owner_of(replaced, pod);
	if (!owner || str_eq(pod->phase, STR("Succeeded")) || str_eq(pod->phase, STR("Failed")))
		return 0;
	struct noted_pod *noted = arena_alloc(&replaced->arena, sizeof *noted);
	struct str uid = noted ? arena_str(&replaced->arena, pod->uid) : (struct str){NULL, 0};
	if (!str_present(uid))
		return -1;
	*noted = (struct noted_pod){owner->pods, uid};
	owner->pods = noted;
	return 0;
}

void replaced_forget(struct replaced *replaced)
{
	for (uint32_t i = 0; i < replaced->count; i++)
		replaced->objects[i].pods = NULL;
	arena_reset(&replaced->arena);
}

int64_t replaced_remove(struct replaced *replaced, uint32_t index, struct simulation *simulation)
{
	int64_t count = 0;
	struct workload_pods *object = &replaced->objects[index];
	for (const struct noted_pod *pod = object->pods; pod; pod = pod->next)
		count += simulation_gone(simulation, pod->uid);
	object->pods = NULL;
	return count;
}
