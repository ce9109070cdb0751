#include "webhook/simulate/subject.h"

#include "webhook/json/path.h"
#include "webhook/object/pod_review.h"
#include "webhook/object/review.h"

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
	subject->kind = kind;
	subject->count =
	    (struct workload_count){.pods = workload.replicas < SUBJECT_PODS_MAX ? workload.replicas : SUBJECT_PODS_MAX,
				    .surge = workload.surge,
				    .per_node = kind->per_node};
	return 0;
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
		return review_is_pod(review);
	error_set(err, "request.object: expected the Pod, found nothing");
	return manifest_explain(manifest, object, err);
}

int subject_read(struct subject *subject, const struct manifest *manifest, const struct manifest_object *object,
		 const struct subject_creator *creator, struct arena *arena, struct error *err)
{
	const struct workload_kind *kind = workload_find(object->api_version, object->kind);
	*subject = (struct subject){.kind = NULL};
	if (subject_is_review(object))
		return read_review(subject, manifest, object, arena, err);
	if (!kind)
		return 0;
	return make_review(subject, kind, manifest, object, creator, arena, err) < 0 ? -1 : 1;
}
