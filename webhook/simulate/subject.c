#include "webhook/simulate/subject.h"

#include "webhook/json/error_byte.h"
#include "webhook/json/path.h"
#include "webhook/object/claim.h"
#include "webhook/object/pod_review.h"
#include "webhook/object/review.h"
#include "webhook/object/workload_parts.h"

static int no_memory(const struct manifest *manifest, const struct manifest_object *object, struct error *err)
{
	return error_set(err, "%.300s:%u: there is not enough memory", manifest->file, object->line);
}

struct str subject_owner(struct str api_version, struct str kind, struct arena *arena)
{
	struct str group = workload_group(api_version);
	if (!kind.len)
		return STR("");
	if (!memchr(group.len ? group.ptr : "", '.', group.len))
		return kind;
	char *text = arena_alloc(arena, kind.len + 1 + group.len);
	if (!text)
		return (struct str){NULL, 0};
	memcpy(text, kind.ptr, kind.len);
	text[kind.len] = '.';
	memcpy(text + kind.len + 1, group.ptr, group.len);
	return (struct str){text, kind.len + 1 + group.len};
}

/* Completes the review of a Pod that has been read. */
static int complete(struct subject *subject, const struct workload_kind *kind, const struct manifest *manifest,
		    const struct manifest_object *object, const struct subject_creator *creator, struct arena *arena,
		    int64_t replicas, struct error *err)
{
	struct review *review = &subject->review;
	review->namespace = object->namespace.len ? object->namespace : creator->namespace;
	if (pod_review_complete(review, kind, object->name, &(struct pod_creator){creator->user, creator->groups},
				arena) < 0)
		return no_memory(manifest, object, err);
	review->uid = STR("simulated");
	/* Then a Pod is explained, but none holds quota. */
	review->dry_run = replicas == 0;
	subject->kind = kind;
	subject->owner = subject_owner(object->api_version, object->kind, arena);
	if (!str_present(subject->owner))
		return no_memory(manifest, object, err);
	subject->count.pods = replicas < SUBJECT_PODS_MAX ? replicas : SUBJECT_PODS_MAX;
	subject->replicas = replicas;
	return 0;
}

static int make_review(struct subject *subject, const struct workload_kind *kind, const struct manifest *manifest,
		       const struct manifest_object *object, const struct subject_creator *creator, struct arena *arena,
		       struct error *err)
{
	struct workload workload;
	if (workload_read(kind, object->json, &workload, err) < 0)
		return manifest_explain(manifest, object, err);
	struct manifest_object template = *object; /* in which the reader counts bytes */
	template.json = workload.pod;
	if (review_read_pod(workload.pod.ptr, workload.pod.len, arena, &subject->review.object, err) < 0) {
		if (*kind->template)
			error_wrap(err, "%s", kind->template);
		return manifest_explain(manifest, &template, err);
	}
	subject->pod = workload.pod;
	subject->count = (struct workload_count){.surge = workload.surge, .per_node = kind->per_node};
	/* Pods of a Job that have succeeded are not created again. */
	int64_t pods = workload.replicas < workload.remaining ? workload.replicas : workload.remaining;
	return complete(subject, kind, manifest, object, creator, arena, pods, err);
}

/* --- Custom resources --- */

static int make_part(struct subject *subject, const struct workload_part *part, const struct manifest *manifest,
		     const struct manifest_object *object, const struct subject_creator *creator, struct arena *arena,
		     struct error *err)
{
	struct manifest_object read = *object; /* in which the reader counts bytes */
	read.json = part->at;
	*subject = (struct subject){.pod = part->pod, .part = part->where, .at = part->at, .alone = part->alone};
	if (review_read_pod(part->pod.ptr, part->pod.len, arena, &subject->review.object, err) < 0) {
		if (part->composed)
			error_take_byte(err); /* Its text is no part of the file. */
		error_wrap(err, "%.200s", part->where.ptr);
		return manifest_explain(manifest, &read, err);
	}
	return complete(subject, &workload_custom, manifest, object, creator, arena, part->replicas, err);
}

static int make_parts(struct subjects *subjects, const struct workload_paths *paths, const struct manifest *manifest,
		      const struct manifest_object *object, const struct subject_creator *creator, struct arena *arena,
		      struct error *err)
{
	struct workload_parts parts;
	if (workload_parts_read(paths, object->json, arena, &parts, err) < 0)
		return manifest_explain(manifest, object, err);
	subjects->items = arena_zalloc(arena, parts.count + 1, sizeof *subjects->items);
	if (!subjects->items)
		return no_memory(manifest, object, err);
	/* Groups that are judged alone come first, so that nothing of the object is held then. */
	for (int together = 0; together < 2; together++)
		for (uint32_t i = 0; i < parts.count; i++)
			if (parts.items[i].alone != together &&
			    make_part(&subjects->items[subjects->count++], &parts.items[i], manifest, object, creator,
				      arena, err) < 0)
				return -1;
	return subjects->count > 0;
}

/* A claim counts as one Pod: it is decided once. */
static int make_claim_review(struct subject *subject, const struct manifest *manifest,
			     const struct manifest_object *object, const struct subject_creator *creator,
			     struct arena *arena, struct error *err)
{
	struct review *review = &subject->review;
	if (review_read_claim(object->kind, object->json.ptr, object->json.len, arena, &review->claim, err) < 0)
		return manifest_explain(manifest, object, err);
	review->namespace = object->namespace.len ? object->namespace : creator->namespace;
	if (claim_review_complete(review, object->kind, object->name,
				  &(struct pod_creator){creator->user, creator->groups}, arena) < 0)
		return no_memory(manifest, object, err);
	review->uid = STR("simulated");
	subject->pod = object->json;
	subject->count.pods = 1;
	return 0;
}

static bool is_claim(const struct manifest_object *object)
{
	static const struct str group = {"resource.k8s.io/", 16};
	return str_starts(object->api_version, group) && claim_is_kind(STR("resource.k8s.io"), object->kind);
}

bool subject_is_review(const struct manifest_object *object)
{
	return str_eq(object->kind, STR("AdmissionReview"));
}

/* Returns 1, 0 if the review is not about a Pod, or -1. */
static int read_review(struct subject *subject, const struct manifest *manifest, const struct manifest_object *object,
		       struct arena *arena, struct error *err)
{
	const struct review *review = &subject->review;
	subject->count.pods = 1;
	if (review_read(object->json.ptr, object->json.len, arena, &subject->review, err) < 0 ||
	    json_find(object->json, "request.object", &subject->pod, err) < 0)
		return manifest_explain(manifest, object, err);
	bool written = review->operation == OPERATION_CREATE || review->operation == OPERATION_UPDATE;
	if (!review_is_pod(review) || review->object.present || !written)
		return review_is_pod(review) || review->claim.present;
	error_set(err, "request.object: expected the Pod, found nothing");
	return manifest_explain(manifest, object, err);
}

/* Custom resources have a group of a domain, of which Kubernetes has k8s.io for itself. */
static bool is_custom(struct str group)
{
	return str_has_char(group, '.') && !str_ends(group, STR(".k8s.io")) && !str_eq(group, STR("gpugate.io"));
}

bool subject_is_unnamed(const struct policy *policy, const struct manifest *manifest,
			const struct manifest_object *object, struct error *err)
{
	struct str group = workload_group(object->api_version), kind = object->kind;
	const struct str shipped = workload_shipped_name(group, kind);
	if (str_eq(kind, STR("PodGroup")))
		return false; /* It has no template. */
	if (!(is_custom(group) || str_present(shipped)) || (policy && policy_workload(policy, group, kind)))
		return false;
	if (err->text[0] != '\0')
		return true;
	kind.len = kind.len < 64 ? kind.len : 64;
	group.len = group.len < 253 ? group.len : 253;
	if (str_present(shipped))
		error_set(err, "the policy does not name %.*s of %.*s; add %.*s to Settings.workloads (byte 0)",
			  STR_ARG(kind), STR_ARG(group), STR_ARG(shipped));
	else
		error_set(err,
			  "the policy does not name %.*s of %.*s; if it has Pods, describe it in a Workload document "
			  "(byte 0)",
			  STR_ARG(kind), STR_ARG(group));
	manifest_explain(manifest, object, err);
	return true;
}

int subjects_read(struct subjects *subjects, const struct manifest *manifest, const struct manifest_object *object,
		  const struct subject_creator *creator, struct arena *arena, struct error *err)
{
	const struct workload_kind *kind = workload_find(object->api_version, object->kind);
	const struct workload_paths *paths =
	    creator->policy ? policy_workload(creator->policy, workload_group(object->api_version), object->kind)
			    : NULL;
	bool review = subject_is_review(object), claim = is_claim(object);
	*subjects = (struct subjects){.count = 0};
	if (paths && !review)
		return make_parts(subjects, paths, manifest, object, creator, arena, err);
	if (!kind && !review && !claim)
		return 0;
	subjects->items = arena_zalloc(arena, 1, sizeof *subjects->items);
	if (!subjects->items)
		return no_memory(manifest, object, err);
	subjects->count = 1;
	if (review)
		return read_review(subjects->items, manifest, object, arena, err);
	if (claim)
		return make_claim_review(subjects->items, manifest, object, creator, arena, err) < 0 ? -1 : 1;
	return make_review(subjects->items, kind, manifest, object, creator, arena, err) < 0 ? -1 : 1;
}
