#include "webhook/admission/early_target.h"

#include "gpugate/autoscaler.h"
#include "gpugate/scaled_resources.h"
#include "webhook/json/count.h"
#include "webhook/json/path.h"

#define REPLICAS "spec.replicas" /* Of every resource in the table. */
#define NUMBER_BYTES 32

static const struct scaled_resource {
	const char *group, *kind, *resource;
} scaled[] = {
#define ROW(group, kind, resource) {group, kind, resource},
    SCALED_RESOURCES(ROW)
#undef ROW
};

static bool is_scale(const struct review *review)
{
	return str_eq(review->kind, STR("Scale")) && str_eq(review->subresource, STR("scale")) &&
	       review->operation == OPERATION_UPDATE;
}

static bool is_autoscaler(const struct review *review)
{
	return str_eq(review->kind, STR("HorizontalPodAutoscaler")) && review->subresource.len == 0 &&
	       (review->operation == OPERATION_CREATE || review->operation == OPERATION_UPDATE);
}

bool early_target_concerns(const struct review *review)
{
	return str_eq(review->group, STR("autoscaling")) && str_present(review->other_object) &&
	       (is_scale(review) || is_autoscaler(review));
}

/* --- Values --- */

static struct str value_at(struct str json, const char *path)
{
	struct error ignored = {0};
	struct str value = {NULL, 0};
	if (!str_present(json) || json_find(json, path, &value, &ignored) < 0)
		return (struct str){NULL, 0};
	return value;
}

static struct str text_at(struct str json, const char *path)
{
	return json_plain_text(value_at(json, path));
}

/* Reads a number of Pods. Returns false if the value is none. */
static bool count_at(struct str json, const char *path, int64_t fallback, int64_t *pods)
{
	struct error ignored = {0};
	struct str value = value_at(json, path);
	*pods = fallback;
	return !str_present(value) || json_count(json, str_of(path), value, pods, &ignored) == 0;
}

/* --- The `scale` of a workload --- */

static bool read_scale(const struct review *review, struct early_target *target)
{
	for (size_t i = 0; i < sizeof scaled / sizeof scaled[0]; i++)
		if (str_eq(review->resource, str_of(scaled[i].resource)) &&
		    str_eq(review->resource_group, str_of(scaled[i].group)))
			*target = (struct early_target){.group = str_of(scaled[i].group),
							.version = STR("v1"),
							.resource = str_of(scaled[i].resource),
							.kind = str_of(scaled[i].kind),
							.name = review->name};
	target->wanted = target->name.len > 0 && count_at(review->other_object, REPLICAS, 0, &target->pods) &&
			 count_at(review->old_other_object, REPLICAS, 0, &target->old_pods) &&
			 target->pods > target->old_pods;
	return target->wanted;
}

/* --- An autoscaler --- */

/* Returns the name of its metric if that never has a value. */
static struct str dead_metric(struct str metric)
{
	struct str type = text_at(metric, "type"), name = {NULL, 0};
	if (str_eq(type, STR("Resource")))
		name = text_at(metric, "resource.name");
	else if (str_eq(type, STR("ContainerResource")))
		name = text_at(metric, "containerResource.name");
	return str_present(name) && autoscaler_metric_is_dead(name) ? name : (struct str){NULL, 0};
}

/* Returns the first such name among all metrics. What cannot be read has none. */
static struct str first_dead_metric(struct str autoscaler)
{
	struct scan scan;
	struct str list = value_at(autoscaler, "spec.metrics"), found = {NULL, 0};
	if (!str_present(list))
		return list;
	scan_init(&scan, list.ptr, list.len);
	if (scan_peek(&scan) != '[' || scan_open(&scan) < 0)
		return found;
	for (bool first = true; !str_present(found); first = false) {
		if (scan_element(&scan, first) <= 0)
			break;
		scan_peek(&scan);
		const char *begin = scan.at;
		if (scan_skip(&scan) < 0)
			break;
		found = dead_metric((struct str){begin, (size_t)(scan.at - begin)});
	}
	return found;
}

/* Finds what is scaled. The policy has to name the kind of a custom resource. */
static bool find_target(const struct policy *policy, struct str autoscaler, struct early_target *target)
{
	struct str version = text_at(autoscaler, "spec.scaleTargetRef.apiVersion");
	target->kind = text_at(autoscaler, "spec.scaleTargetRef.kind");
	target->name = text_at(autoscaler, "spec.scaleTargetRef.name");
	target->group = workload_group(version);
	target->version = target->group.len ? str_tail(version, target->group.len + 1) : version;
	if (target->name.len == 0 || target->kind.len == 0 || target->version.len == 0)
		return false;
	for (size_t i = 0; i < sizeof scaled / sizeof scaled[0]; i++)
		if (str_eq(target->kind, str_of(scaled[i].kind)) && str_eq(target->group, str_of(scaled[i].group))) {
			target->version = STR("v1");
			target->resource = str_of(scaled[i].resource);
			return true;
		}
	const struct workload_paths *paths = policy_workload(policy, target->group, target->kind);
	target->resource = paths ? paths->plural : (struct str){NULL, 0};
	return paths;
}

/* Whether it may ask for Pods for which it could not ask before. */
static bool asks_for_more(const struct review *review, const struct early_target *target)
{
	int64_t before;
	if (review->operation == OPERATION_CREATE)
		return true;
	return !count_at(review->old_other_object, "spec.maxReplicas", 0, &before) || target->pods > before ||
	       !str_eq(value_at(review->other_object, "spec.scaleTargetRef"),
		       value_at(review->old_other_object, "spec.scaleTargetRef"));
}

static bool read_autoscaler(const struct policy *policy, const struct review *review, struct early_target *target)
{
	struct str object = review->other_object;
	target->autoscaler = true;
	target->metric = first_dead_metric(object);
	target->wanted = count_at(object, "spec.maxReplicas", 0, &target->pods) && target->pods > 0 &&
			 count_at(object, "spec.minReplicas", 1, &target->least) &&
			 find_target(policy, object, target) && asks_for_more(review, target);
	return target->wanted || str_present(target->metric);
}

bool early_target_read(const struct policy *policy, const struct review *review, struct early_target *target)
{
	*target = (struct early_target){.wanted = false};
	return is_scale(review) ? read_scale(review, target) : read_autoscaler(policy, review, target);
}

/* --- The workload with another number of Pods --- */

/* Replaces bytes of the text, and copies the result with its padding. */
static bool splice(struct str json, struct str gone, const char *text, struct arena *arena, struct str *copy)
{
	size_t len = strlen(text), begin = (size_t)(gone.ptr - json.ptr), end = begin + gone.len;
	char *to = arena_zalloc(arena, json.len + len + REVIEW_PADDING, 1);
	if (!to)
		return false;
	memcpy(to, json.ptr, begin);
	memcpy(to + begin, text, len);
	memcpy(to + begin + len, json.ptr + end, json.len - end);
	*copy = (struct str){to, json.len - gone.len + len};
	return true;
}

/* Copies the object with that number of Pods. If a key appears twice, the first one counts. */
static bool with_pods(struct str json, int64_t pods, struct arena *arena, struct str *copy)
{
	char text[NUMBER_BYTES];
	struct str value = value_at(json, REPLICAS), spec = value_at(json, "spec");
	if (str_present(value)) {
		snprintf(text, sizeof text, "%lld", (long long)pods);
		return splice(json, value, text, arena, copy);
	}
	if (spec.len <= 2 || spec.ptr[0] != '{') /* There are no Pods in it. */
		return false;
	snprintf(text, sizeof text, "\"replicas\":%lld,", (long long)pods);
	return splice(json, (struct str){spec.ptr + 1, 0}, text, arena, copy);
}

/* Whether the number of its Pods depends on the path that such objects have for their scale. */
static bool is_scaled_there(const struct workload_paths *paths)
{
	for (uint32_t i = 0; i < paths->pod_count; i++)
		for (uint32_t r = 0; r < paths->pods[i].replica_count; r++)
			if (str_eq(paths->pods[i].replicas[r].text, STR(REPLICAS)))
				return true;
	return false;
}

/*
 * Sets the number of Pods before. An autoscaler is compared with what exists, because it changes no
 * number itself; of a custom resource, that is not known.
 */
static bool count_before(const struct policy *policy, const struct early_target *target, struct str json, int64_t *pods)
{
	struct error ignored = {0};
	struct workload workload;
	const struct workload_kind *kind = workload_find_in(target->group, target->kind);
	const struct workload_paths *paths = kind ? NULL : policy_workload(policy, target->group, target->kind);
	*pods = target->old_pods;
	if (!target->autoscaler)
		return true;
	if (!kind)
		return paths && is_scaled_there(paths) && count_at(json, REPLICAS, 1, pods);
	if (workload_read(kind, json, &workload, &ignored) < 0)
		return false;
	*pods = workload.existing;
	return true;
}

/* Asks as if the workload itself were applied with that number. */
static bool ask(const struct policy *policy, const struct review *review, const struct early_target *target,
		struct str json, struct arena *arena, struct early_question *question)
{
	int64_t before;
	struct review update = {.uid = review->uid,
				.group = target->group,
				.version = target->version,
				.kind = target->kind,
				.name = target->name,
				.namespace = review->namespace,
				.operation = OPERATION_UPDATE};
	return str_present(json) && count_before(policy, target, json, &before) &&
	       with_pods(json, before, arena, &update.old_other_object) &&
	       with_pods(json, target->pods, arena, &update.other_object) && early_question_concerns(policy, &update) &&
	       early_question_read(policy, &update, arena, question);
}

bool early_target_question(const struct policy *policy, const struct review *review, const struct early_target *target,
			   struct str json, struct arena *arena, struct early_question *question)
{
	bool found = ask(policy, review, target, json, arena, question);
	if (!found && !str_present(target->metric))
		return false;
	if (!found)
		/* The Pod has nothing; it stands for those of the namespace. */
		*question = (struct early_question){
		    .review = {.uid = review->uid, .namespace = review->namespace, .object = {.present = true}},
		    .no_pods = true};
	question->autoscaler = target->autoscaler;
	question->least = target->least;
	question->metric = target->metric;
	return true;
}
