/* The groups that the Pods of an object will be in. */
#include <stdio.h>

#include "gpugate/pod_group.h"
#include "webhook/json/count.h"
#include "webhook/json/path.h"
#include "webhook/simulate/subject.h"

/* Workloads of which the controller makes other objects, which own the Pods. */
static const struct maker {
	const char *kind;
	const char *made_group, *made_kind;
	const char *made; /* Path of such an object; NULL: the workload says the same as it. */
} makers[] = {
    {"Deployment", "apps", "ReplicaSet", NULL},
    {"CronJob", "batch", "Job", "spec.jobTemplate"},
};

/*
 * The API server completes a name that ends in a hyphen, so that no two such objects are the same.
 * Returns an absent string without memory.
 */
static struct str name_of(const struct manifest_object *object, struct arena *arena)
{
	char text[300];
	if (object->name.len && !str_ends(object->name, STR("-")))
		return object->name;
	snprintf(text, sizeof text, "%.*s?%u", (int)(object->name.len < 253 ? object->name.len : 253),
		 object->name.len ? object->name.ptr : "", object->line);
	return arena_str(arena, str_of(text));
}

static void set_made(const struct maker *maker, struct group_object *group)
{
	struct error ignored = {0};
	group->api_group = str_of(maker->made_group);
	group->kind = str_of(maker->made_kind);
	if (maker->made && json_find(group->json, maker->made, &group->json, &ignored) < 0)
		group->json = (struct str){NULL, 0};
}

/* The Pods are owned by an object of Kubernetes. */
static int set_owner(struct subject *subject, struct arena *arena)
{
	struct group_object *group = &subject->group;
	struct owner *owner = &subject->review.object.owner;
	char version[32];
	for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
		if (str_eq(group->kind, str_of(makers[i].kind)))
			set_made(&makers[i], group);
	snprintf(version, sizeof version, "%.*s%sv1", STR_ARG(group->api_group), group->api_group.len ? "/" : "");
	*owner =
	    (struct owner){.api_version = arena_str(arena, str_of(version)), .kind = group->kind, .name = group->name};
	return str_present(owner->api_version) ? 0 : -1;
}

/* How many groups the object has, as a path says; 1: it says nothing, or has only one. */
static int64_t count_groups(struct str json, const char *path)
{
	struct error ignored = {0};
	struct str value = {NULL, 0};
	int64_t count = 1;
	bool known = path && json_find(json, path, &value, &ignored) == 0 && str_present(value) &&
		     json_count(json, str_of(path), value, &count, &ignored) == 0;
	return known && count > 0 ? count : 1;
}

static struct pod_group of_object(const struct group_object *object)
{
	return (struct pod_group){.api_group = object->api_group, .kind = object->kind, .name = object->name};
}

/* The Pods get the labels of a custom resource's controller, if it is known to put any on them. */
static int set_label(struct subject *subject, struct arena *arena)
{
	const struct pod_group object = of_object(&subject->group);
	struct pod *pod = &subject->review.object;
	struct pod_group group;
	int known = pod_group_label(pod, &object, 0, arena);
	if (known <= 0)
		subject->group.json = (struct str){NULL, 0};
	if (known <= 0 || pod_group_find(pod, arena, &group) < 0)
		return known == 0 ? 0 : -1;
	if (group.groups_path)
		subject->per_group = subject->count.pods / count_groups(subject->group.json, group.groups_path);
	return 0;
}

int subject_set_group(struct subject *subject, const struct manifest_object *object, struct arena *arena)
{
	subject->group = (struct group_object){.namespace = subject->review.namespace,
					       .api_group = workload_group(object->api_version),
					       .kind = object->kind,
					       .name = name_of(object, arena),
					       .json = object->json};
	if (!str_present(subject->group.name))
		return -1;
	return subject->kind == &workload_custom ? set_label(subject, arena) : set_owner(subject, arena);
}

int subject_member(const struct subject *subject, int64_t number, struct arena *arena, struct review *review)
{
	const struct pod_group object = of_object(&subject->group);
	*review = subject->review;
	if (subject->per_group == 0)
		return 0;
	return pod_group_label(&review->object, &object, number / subject->per_group, arena) < 0 ? -1 : 0;
}
