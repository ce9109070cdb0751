#include "webhook/simulate/group_objects.h"

#include <stdlib.h>
#include <string.h>

#include "gpugate/hash.h"
#include "webhook/json/scan.h" /* REVIEW_PADDING */

#define SLOTS 64

/* A copy, whose strings follow it. */
struct kept_group {
	struct hash_link link; /* Must come first. */
	struct group_object object;
};

void group_objects_release(struct group_objects *objects)
{
	for (struct hash_link *link = hash_map_next(&objects->kept, NULL), *next; link; link = next) {
		next = hash_map_next(&objects->kept, link);
		free(link);
	}
	hash_map_release(&objects->kept);
	*objects = (struct group_objects){.numbers = 0};
}

uint64_t group_objects_number(struct group_objects *objects)
{
	return ++objects->numbers;
}

void group_objects_own(struct group_objects *objects, const struct group_object *object)
{
	objects->current = object ? *object : (struct group_object){.json = {NULL, 0}};
}

/* --- Objects that exist --- */

static uint64_t hash_of(struct str api_group, struct str name)
{
	return hash_bytes(hash_byte(hash_bytes(HASH_BEGIN, name.ptr, name.len), 0), api_group.ptr, api_group.len);
}

static struct str copy(char **at, struct str text)
{
	struct str made = {*at, text.len};
	if (text.len)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return made;
}

static struct kept_group *copy_object(const struct group_object *object)
{
	size_t len = object->namespace.len + object->api_group.len + object->kind.len + object->name.len;
	struct kept_group *kept = calloc(1, sizeof *kept + len + object->json.len + REVIEW_PADDING);
	if (!kept)
		return NULL;
	char *at = (char *)(kept + 1);
	kept->object.namespace = copy(&at, object->namespace);
	kept->object.api_group = copy(&at, object->api_group);
	kept->object.kind = copy(&at, object->kind);
	kept->object.name = copy(&at, object->name);
	kept->object.json = copy(&at, object->json);
	return kept;
}

static bool is_same(const struct group_object *a, const struct group_object *b)
{
	return str_eq(a->kind, b->kind) && str_eq(a->api_group, b->api_group) && str_eq(a->name, b->name) &&
	       str_eq(a->namespace, b->namespace);
}

int group_objects_add(struct group_objects *objects, const struct group_object *object)
{
	uint64_t hash = hash_of(object->api_group, object->name);
	if (!objects->kept.slots && hash_map_init(&objects->kept, SLOTS) < 0)
		return -1;
	struct kept_group *kept = copy_object(object);
	if (!kept)
		return -1;
	for (struct hash_link *link = hash_map_chain(&objects->kept, hash); link; link = link->next) {
		if (!is_same(&((struct kept_group *)(void *)link)->object, object))
			continue;
		hash_map_remove(&objects->kept, link);
		free(link);
		break;
	}
	hash_map_add(&objects->kept, &kept->link, hash);
	return 0;
}

/* --- Finding them --- */

static bool has_group(const struct group_object *object, struct str namespace, const struct pod_group *group)
{
	return str_eq(object->kind, group->kind) && str_eq(object->api_group, group->api_group) &&
	       str_eq(object->name, group->name) &&
	       (object->namespace.len == 0 || str_eq(object->namespace, namespace));
}

struct str group_objects_find(const struct group_objects *objects, struct str namespace, const struct pod_group *group)
{
	if (has_group(&objects->current, namespace, group))
		return objects->current.json;
	const struct hash_link *link = hash_map_chain(&objects->kept, hash_of(group->api_group, group->name));
	for (; link; link = link->next) {
		const struct kept_group *kept = (const struct kept_group *)(const void *)link;
		if (has_group(&kept->object, namespace, group))
			return kept->object.json;
	}
	return (struct str){NULL, 0};
}
