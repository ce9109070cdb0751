#include "webhook/simulate/group_objects.h"

#include <stdlib.h>
#include <string.h>

#include "webhook/json/scan.h" /* REVIEW_PADDING */

/* A copy, whose strings follow it. */
struct kept_group {
	struct kept_group *next;
	struct group_object object;
};

void group_objects_release(struct group_objects *objects)
{
	for (struct kept_group *kept = objects->kept, *next; kept; kept = next) {
		next = kept->next;
		free(kept);
	}
	*objects = (struct group_objects){.kept = NULL};
}

void group_objects_own(struct group_objects *objects, const struct group_object *object)
{
	objects->current = object ? *object : (struct group_object){.json = {NULL, 0}};
}

static struct str copy(char **at, struct str text)
{
	struct str made = {*at, text.len};
	if (text.len)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return made;
}

static bool is_same(const struct group_object *a, const struct group_object *b)
{
	return str_eq(a->kind, b->kind) && str_eq(a->api_group, b->api_group) && str_eq(a->name, b->name) &&
	       str_eq(a->namespace, b->namespace);
}

static void drop(struct group_objects *objects, const struct group_object *object)
{
	for (struct kept_group **at = &objects->kept; *at; at = &(*at)->next) {
		struct kept_group *old = *at;
		if (!is_same(&old->object, object))
			continue;
		*at = old->next;
		free(old);
		return;
	}
}

int group_objects_add(struct group_objects *objects, const struct group_object *object)
{
	size_t len = object->namespace.len + object->api_group.len + object->kind.len + object->name.len;
	struct kept_group *kept = calloc(1, sizeof *kept + len + object->json.len + REVIEW_PADDING);
	if (!kept)
		return -1;
	char *at = (char *)(kept + 1);
	kept->object.namespace = copy(&at, object->namespace);
	kept->object.api_group = copy(&at, object->api_group);
	kept->object.kind = copy(&at, object->kind);
	kept->object.name = copy(&at, object->name);
	kept->object.json = copy(&at, object->json);
	drop(objects, object);
	kept->next = objects->kept;
	objects->kept = kept;
	return 0;
}

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
	for (const struct kept_group *kept = objects->kept; kept; kept = kept->next)
		if (has_group(&kept->object, namespace, group))
			return kept->object.json;
	return (struct str){NULL, 0};
}
