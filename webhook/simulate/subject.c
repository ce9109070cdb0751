#include "webhook/simulate/subject.h"

#include "webhook/json/path.h"
#include "webhook/object/claim.h"
#include "webhook/object/pod_review.h"
#include "webhook/object/review.h"
#include "webhook/object/workload.h"

static int make_review(struct subject *subject, const struct workload_kind *kind, const struct manifest *manifest,
		       const struct manifest_object *object, const struct subject_creator *creator, struct arena *arena,
		       struct error *err)
{
	struct workload workload;
	struct review *review = &subject->review;
	if (workload_read(kind, object->json, &workload, err) < 0)
		return manifest_explain(manifest, object, err);
	struct manifest_object template = *object; /* in which the reader counts bytes */
	template.json = workload.pod;
	if (review_read_pod(workload.pod.ptr, workload.pod.len, arena, &review->object, err) < 0) {
		if (*kind->template)
			error_wrap(err, "%s", kind->template);
		return manifest_explain(manifest, &template, err);
	}
	review->namespace = object->namespace.len ? object->namespace : creator->namespace;
	if (pod_review_complete(review, kind, object->name, &(struct pod_creator){creator->user, creator->groups},
				arena) < 0)
		return error_set(err, "%.300s:%u: there is not enough memory", manifest->file, object->line);
	review->uid = STR("simulated");
	/* Then a Pod is explained, but none holds quota. */
	review->dry_run = workload.replicas == 0;
	subject->pod = workload.pod;
	subject->pods = workload.replicas < SUBJECT_PODS_MAX ? workload.replicas : SUBJECT_PODS_MAX;
	subject->surge = workload.surge < SUBJECT_PODS_MAX ? workload.surge : SUBJECT_PODS_MAX;
	subject->per_node = kind->per_node;
	return 0;
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
		return error_set(err, "%.300s:%u: there is not enough memory", manifest->file, object->line);
	review->uid = STR("simulated");
	subject->pod = object->json;
	subject->pods = 1;
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
	subject->pods = 1;
	if (review_read(object->json.ptr, object->json.len, arena, &subject->review, err) < 0 ||
	    json_find(object->json, "request.object", &subject->pod, err) < 0)
		return manifest_explain(manifest, object, err);
	bool written = review->operation == OPERATION_CREATE || review->operation == OPERATION_UPDATE;
	if (!review_is_pod(review) || review->object.present || !written)
		return review_is_pod(review) || review->claim.present;
	error_set(err, "request.object: expected the Pod, found nothing");
	return manifest_explain(manifest, object, err);
}

int subject_read(struct subject *subject, const struct manifest *manifest, const struct manifest_object *object,
		 const struct subject_creator *creator, struct arena *arena, struct error *err)
{
	const struct workload_kind *kind = workload_find(object->api_version, object->kind);
	*subject = (struct subject){.pods = 0};
	if (subject_is_review(object))
		return read_review(subject, manifest, object, arena, err);
	if (is_claim(object))
		return make_claim_review(subject, manifest, object, creator, arena, err) < 0 ? -1 : 1;
	if (!kind)
		return 0;
	return make_review(subject, kind, manifest, object, creator, arena, err) < 0 ? -1 : 1;
}
