#include "webhook/simulate/subject.h"

#include "webhook/json/path.h"
#include "webhook/object/review.h"
#include "webhook/object/workload.h"

static int set_creator(struct subject *subject, const struct workload_kind *kind, const struct subject_creator *creator,
		       struct arena *arena)
{
	static const struct str controllers[] = {{"system:serviceaccounts", 22},
						 {"system:serviceaccounts:kube-system", 34}};
	bool by_controller = kind->controller && !str_present(creator->user);
	const struct strs given = by_controller ? (struct strs){controllers, 2} : creator->groups;
	struct str *groups = arena_alloc(arena, (given.count + 1) * sizeof *groups);
	if (!groups)
		return -1;
	for (uint32_t i = 0; i < given.count; i++)
		groups[i] = given.items[i];
	groups[given.count] = STR("system:authenticated");
	subject->review.groups = (struct strs){groups, given.count + 1};
	subject->review.user = by_controller ? str_of(kind->controller) : creator->user;
	return 0;
}

/* A Pod of a controller has a name that the API server completes. */
static int name_pod(struct subject *subject, const struct manifest_object *object, struct arena *arena)
{
	struct pod *pod = &subject->review.object;
	char *name = arena_alloc(arena, object->name.len + 1);
	if (!name)
		return -1;
	if (object->name.len)
		memcpy(name, object->name.ptr, object->name.len);
	name[object->name.len] = '-';
	pod->name = (struct str){NULL, 0};
	pod->generate_name = (struct str){name, object->name.len + 1};
	return 0;
}

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
	if ((*kind->template && name_pod(subject, object, arena) < 0) || set_creator(subject, kind, creator, arena) < 0)
		return error_set(err, "%.300s:%u: there is not enough memory", manifest->file, object->line);
	review->namespace = object->namespace.len ? object->namespace : creator->namespace;
	review->object.namespace = review->namespace;
	review->object.uid = (struct str){NULL, 0}; /* Each new Pod gets one of its own. */
	review->operation = OPERATION_CREATE;
	review->uid = STR("simulated");
	review->version = STR("v1");
	review->kind = STR("Pod");
	review->resource = STR("pods");
	review->name = review->object.name;
	/* Then a Pod is explained, but none holds quota. */
	review->dry_run = workload.replicas == 0;
	subject->pod = workload.pod;
	subject->pods = workload.replicas < SUBJECT_PODS_MAX ? workload.replicas : SUBJECT_PODS_MAX;
	subject->surge = workload.surge < SUBJECT_PODS_MAX ? workload.surge : SUBJECT_PODS_MAX;
	subject->per_node = kind->per_node;
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
	subject->pods = 1;
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
	*subject = (struct subject){.pods = 0};
	if (subject_is_review(object))
		return read_review(subject, manifest, object, arena, err);
	if (!kind)
		return 0;
	return make_review(subject, kind, manifest, object, creator, arena, err) < 0 ? -1 : 1;
}
