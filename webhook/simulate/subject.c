#include "webhook/simulate/subject.h"

#include "webhook/json/path.h"
#include "webhook/object/review.h"
#include "webhook/object/workload.h"

static void set_creator(struct subject *subject, const struct workload_kind *kind,
			const struct subject_creator *creator)
{
	static const struct str controllers[] = {{"system:serviceaccounts", 22},
						 {"system:serviceaccounts:kube-system", 34}};
	bool by_controller = kind->controller && !str_present(creator->user);
	const struct strs groups = by_controller ? (struct strs){controllers, 2} : creator->groups;
	uint32_t count = 0;
	for (uint32_t i = 0; i < groups.count && count < SUBJECT_GROUPS_MAX - 1; i++)
		subject->groups[count++] = groups.items[i];
	subject->groups[count++] = STR("system:authenticated");
	subject->review.groups = (struct strs){subject->groups, count};
	subject->review.user = by_controller ? str_of(kind->controller) : creator->user;
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
	if (*kind->template && name_pod(subject, object, arena) < 0)
		return error_set(err, "there is not enough memory");
	review->namespace = object->namespace.len ? object->namespace : creator->namespace;
	review->object.namespace = review->namespace;
	review->operation = OPERATION_CREATE;
	review->uid = STR("simulated");
	review->version = STR("v1");
	review->kind = STR("Pod");
	review->resource = STR("pods");
	review->name = review->object.name;
	/* Then a Pod is explained, but none holds quota. */
	review->dry_run = workload.replicas == 0;
	set_creator(subject, kind, creator);
	subject->pod = workload.pod;
	subject->pods = workload.replicas < SUBJECT_PODS_MAX ? workload.replicas : SUBJECT_PODS_MAX;
	return 0;
}

bool subject_is_review(const struct manifest_object *object)
{
	return str_eq(object->kind, STR("AdmissionReview"));
}

static int read_review(struct subject *subject, const struct manifest *manifest, const struct manifest_object *object,
		       struct arena *arena, struct error *err)
{
	subject->pods = 1;
	if (review_read(object->json.ptr, object->json.len, arena, &subject->review, err) < 0 ||
	    json_find(object->json, "request.object", &subject->pod, err) < 0)
		return manifest_explain(manifest, object, err);
	return 0;
}

int subject_read(struct subject *subject, const struct manifest *manifest, const struct manifest_object *object,
		 const struct subject_creator *creator, struct arena *arena, struct error *err)
{
	const struct workload_kind *kind = workload_find(object->api_version, object->kind);
	*subject = (struct subject){.pods = 0};
	if (!kind && !subject_is_review(object))
		return 0;
	int result = kind ? make_review(subject, kind, manifest, object, creator, arena, err)
			  : read_review(subject, manifest, object, arena, err);
	return result < 0 ? -1 : 1;
}
