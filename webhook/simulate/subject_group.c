/* The groups that the Pods of an object will be in. */
#include <stdio.h>

#include "gpugate/pod_group.h"
#include "webhook/json/count.h"
#include "webhook/json/path.h"
#include "webhook/json/scan.h" /* REVIEW_PADDING */
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
 * What is created again is another object, and the API server or a controller may complete the
 * name. Returns an absent string without memory.
 */
static struct str name_of(const struct manifest_object *object, uint64_t number, struct arena *arena)
{
	size_t size = object->name.len + 24;
	char *text = arena_alloc(arena, size);
	if (!text)
		return (struct str){NULL, 0};
	snprintf(text, size, "%.*s" SUBJECT_NUMBER_MARK "%llu", (int)object->name.len,
		 object->name.len ? object->name.ptr : "", (unsigned long long)number);
	return str_of(text);
}

/* --- Pods of Kubernetes' own kinds --- */

/* Returns what a path of the object says, as JSON. */
static struct str value_at(struct str json, const char *path)
{
	struct error ignored = {0};
	struct str value = {NULL, 0};
	return json_find(json, path, &value, &ignored) == 0 && str_present(value) ? value : STR("null");
}

/*
 * A suspended Job has no Pods now. Those that it has later are explained, and they are a group.
 * Returns it as it is then, or an absent string without memory.
 */
static struct str resumed(struct str json, struct arena *arena)
{
	struct str parallelism = value_at(json, "spec.parallelism"), completions = value_at(json, "spec.completions");
	size_t size = parallelism.len + completions.len + 80 + REVIEW_PADDING;
	char *text = arena_zalloc(arena, size, 1);
	if (!text)
		return (struct str){NULL, 0};
	snprintf(text, size, "{\"spec\":{\"parallelism\":%.*s,\"completions\":%.*s,\"template\":{}}}",
		 STR_ARG(parallelism), STR_ARG(completions));
	return str_of(text);
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
	if (subject->count.pods == 0 && str_present(group->json) && str_eq(group->kind, STR("Job"))) {
		group->json = resumed(group->json, arena);
		if (!str_present(group->json))
			return -1;
	}
	return str_present(owner->api_version) ? 0 : -1;
}

/* --- Pods of custom resources --- */

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
		subject->per_group = subject->replicas / count_groups(subject->group.json, group.groups_path);
	return 0;
}

/* --- Of all --- */

int subjects_set_groups(struct subjects *subjects, const struct manifest_object *object, uint64_t number,
			struct arena *arena)
{
	const struct group_object group = {.api_group = workload_group(object->api_version),
					   .kind = object->kind,
					   .name = name_of(object, number, arena),
					   .json = object->json};
	if (!str_present(group.name))
		return -1;
	for (uint32_t i = 0; i < subjects->count; i++) {
		struct subject *subject = &subjects->items[i];
		if (!subject->kind || !*subject->kind->template)
			continue;
		subject->group = group;
		subject->group.namespace = subject->review.namespace;
		if ((subject->kind == &workload_custom ? set_label(subject, arena) : set_owner(subject, arena)) < 0)
			return -1;
	}
	return 0;
}

int subject_member(const struct subject *subject, int64_t number, struct arena *arena, struct review *review)
{
	const struct pod_group object = of_object(&subject->group);
	*review = subject->review;
	if (subject->per_group == 0)
		return 0;
	return pod_group_label(&review->object, &object, number / subject->per_group, arena) < 0 ? -1 : 0;
}
