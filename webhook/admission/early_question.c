/* early_question: what is asked about the Pods of a workload. */
#include "webhook/admission/early_answer.h"

#include "webhook/admission/pod_template.h"
#include "webhook/json/path.h"

#define PODS_MAX INT32_MAX /* As Kubernetes has it. */

static const struct workload_kind *kind_of(const struct review *review)
{
	const struct workload_kind *kind = workload_find_in(review->group, review->kind);
	return kind && *kind->template ? kind : NULL;
}

bool early_question_concerns(const struct policy *policy, const struct review *review)
{
	return str_present(review->other_object) && review->subresource.len == 0 &&
	       (review->operation == OPERATION_CREATE || review->operation == OPERATION_UPDATE) &&
	       (kind_of(review) || policy_workload(policy, review->group, review->kind));
}

/* The only custom resource whose Pods always get a label of their group (pod_group.c). */
static const struct workload_kind job_set = {.group = "jobset.x-k8s.io", .kind = "JobSet"};

static const struct workload_kind *group_kind_of(const struct review *review)
{
	bool is_job_set = str_eq(review->group, str_of(job_set.group)) && str_eq(review->kind, str_of(job_set.kind));
	return is_job_set ? &job_set : kind_of(review);
}

static int64_t at_most(int64_t number, int64_t most)
{
	return number < most ? number : most;
}

/* Whether an update leaves the spec as it is, as the updates of controllers mostly do. */
static bool keeps_spec(const struct review *review)
{
	struct error ignored = {0};
	struct str spec, old_spec;
	return json_find(review->other_object, "spec", &spec, &ignored) == 0 &&
	       json_find(review->old_other_object, "spec", &old_spec, &ignored) == 0 && str_present(spec) &&
	       str_eq(spec, old_spec);
}

static bool read_pod(const struct review *asked, const struct workload *workload, struct arena *arena,
		     struct review *review)
{
	const struct pod_creator by_controller = {.user = {NULL, 0}};
	return pod_template_read(asked, workload, asked->name, &by_controller, arena, review);
}

/* How many Pods the workload has at once, of those that have not ended. */
static int64_t pods_of(const struct workload *workload)
{
	return at_most(at_most(workload->replicas, workload->remaining), PODS_MAX);
}

/*
 * Reads what the update changes. Returns false if it cannot be read, or if it creates no Pods.
 * Sets the Pod that is created, which is still the old one if the workload is paused.
 */
static bool read_old(const struct review *review, struct workload *workload, struct arena *arena,
		     struct early_question *question)
{
	struct error ignored = {0};
	struct workload old;
	if (!str_present(review->old_other_object) || keeps_spec(review) ||
	    workload_read(workload->kind, review->old_other_object, &old, &ignored) < 0)
		return false;
	if (workload->paused)
		workload->pod = old.pod;
	bool same = str_eq(workload->pod, old.pod);
	question->kept = same || workload->keeps;
	question->mixed = question->kept && !same;
	question->existing = at_most(old.existing, PODS_MAX);
	question->pods = pods_of(workload);
	if (question->kept)
		return question->pods > question->existing && question->pods > pods_of(&old);
	if (question->pods == 0)
		return false;
	const struct workload_count count = {question->pods, workload->surge, workload->kind->per_node};
	const struct workload_count rollout = workload_rollout(&count, question->existing);
	question->pods = rollout.pods;
	question->surge = rollout.surge;
	return read_pod(review, &old, arena, &question->old_review);
}

/* --- Custom resources --- */

static const struct workload_part *find_part(const struct workload_parts *parts, struct str where)
{
	for (uint32_t i = 0; i < parts->count; i++)
		if (str_eq(parts->items[i].where, where))
			return &parts->items[i];
	return NULL;
}

/*
 * How many Pods of a group are created. How many exist is not known, so that all that the object
 * had before count as existing; and the Pods that a changed template replaces are not counted. A
 * template may seem to be changed although it is not: webhooks write it in their own way, such as
 * with empty members.
 */
static int64_t added(const struct workload_part *part, const struct workload_parts *old)
{
	const struct workload_part *before = old ? find_part(old, part->where) : NULL;
	if (!before)
		return part->replicas;
	return part->replicas > before->replicas ? part->replicas - before->replicas : 0;
}

/*
 * Sets the group of the part, unless the template names another. Of most custom resources it is not
 * known which objects own the Pods. Returns false without memory.
 */
static bool read_group(const struct review *asked, struct arena *arena, struct early_part *part)
{
	const struct pod_group object = {.api_group = asked->group, .kind = asked->kind, .name = asked->name};
	struct pod labelled = part->review.object;
	struct pod_group group;
	int known = pod_group_label(&labelled, &object, -1, arena);
	if (known <= 0)
		return known == 0;
	if (pod_group_find(&labelled, arena, &group) < 0)
		return false;
	if (str_eq(group.kind, asked->kind) && str_eq(group.api_group, asked->group))
		part->group = group;
	return true;
}

static bool read_part(const struct review *asked, const struct workload_part *from, const struct workload_parts *old,
		      struct arena *arena, struct early_part *part)
{
	const struct workload workload = {.kind = &workload_custom, .pod = from->pod};
	*part = (struct early_part){.where = from->where, .pods = added(from, old), .alone = from->alone};
	return read_pod(asked, &workload, arena, &part->review) && read_group(asked, arena, part);
}

static bool read_parts(const struct review *review, const struct workload_paths *paths, struct arena *arena,
		       struct early_question *question)
{
	struct error ignored = {0};
	question->object = review->other_object;
	struct workload_parts *parts = arena_zalloc(arena, 2, sizeof *parts), *old = NULL;
	if (!parts || workload_parts_read(paths, review->other_object, arena, parts, &ignored) < 0)
		return false;
	if (review->operation == OPERATION_UPDATE) {
		old = &parts[1];
		question->more = true;
		if (!str_present(review->old_other_object) || keeps_spec(review) ||
		    workload_parts_read(paths, review->old_other_object, arena, old, &ignored) < 0)
			return false;
	}
	question->parts = arena_zalloc(arena, parts->count + 1, sizeof *question->parts);
	if (!question->parts)
		return false;
	for (uint32_t i = 0; i < parts->count; i++) {
		const struct workload_part *before = old ? find_part(old, parts->items[i].where) : NULL;
		if (before && str_eq(before->pod, parts->items[i].pod) && before->replicas >= parts->items[i].replicas)
			continue; /* It creates no Pods. */
		if (!read_part(review, &parts->items[i], old, arena, &question->parts[question->part_count++]))
			return false;
	}
	if (question->part_count)
		question->review = question->parts[0].review;
	return question->part_count > 0;
}

/* What was reserved for the Pods of a workload is not held by others. */
static bool read_own_group(const struct review *review, struct arena *arena, struct early_question *question)
{
	struct pod_group group;
	if (pod_template_find_group(review, &question->review.object, arena, &group) < 0)
		return false;
	question->own_group = group.key;
	return true;
}

bool early_question_read(const struct policy *policy, const struct review *review, struct arena *arena,
			 struct early_question *question)
{
	struct error ignored = {0};
	struct workload workload;
	const struct workload_kind *kind = kind_of(review);
	*question = (struct early_question){.kind = kind, .group_kind = group_kind_of(review), .kept = true};
	if (!kind)
		return read_parts(review, policy_workload(policy, review->group, review->kind), arena, question);
	if (workload_read(kind, review->other_object, &workload, &ignored) < 0)
		return false;
	question->pods = at_most(workload.replicas, PODS_MAX);
	if (review->operation == OPERATION_UPDATE && !read_old(review, &workload, arena, question))
		return false;
	return read_pod(review, &workload, arena, &question->review) && read_own_group(review, arena, question);
}
