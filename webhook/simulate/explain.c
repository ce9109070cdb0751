#include "webhook/simulate/explain.h"

#include "gpugate/enum_names.h"
#include "webhook/admission/patch.h"
#include "webhook/admission/response.h"
#include "webhook/object/review.h"
#include "webhook/object/workload.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 20) /* As much as one request of `serve` may use, and more. */
#define TEXT_BYTES_MAX ((size_t)32 << 20)

/* What is tried, and what came of it. */
struct trial {
	const struct explain_context *context;
	struct review review;  /* Of each of the Pods. */
	struct arena objects;  /* For the review. */
	struct arena decision; /* For one decision; emptied for the next one. */
	const char *kind;      /* For messages. */
	int64_t pods, fits;
	json_t *tree;
};

/* --- The review --- */

static int set_creator(struct trial *trial, const struct workload_kind *kind)
{
	static const struct str controllers[] = {{"system:serviceaccounts", 22},
						 {"system:serviceaccounts:kube-system", 34}};
	const struct explain_context *context = trial->context;
	bool controller = kind->controller && !str_present(context->user);
	const struct strs given = controller ? (struct strs){controllers, 2} : context->groups;
	struct str *groups = arena_alloc(&trial->objects, (given.count + 1) * sizeof *groups);
	if (!groups)
		return -1;
	for (uint32_t i = 0; i < given.count; i++)
		groups[i] = given.items[i];
	groups[given.count] = STR("system:authenticated");
	trial->review.groups = (struct strs){groups, given.count + 1};
	trial->review.user = controller ? str_of(kind->controller) : context->user;
	return 0;
}

/* A Pod of a controller has a name that the API server completes. */
static int name_pod(struct trial *trial, const struct manifest_object *object)
{
	struct pod *pod = &trial->review.object;
	char *name = arena_alloc(&trial->objects, object->name.len + 1);
	if (!name)
		return -1;
	if (object->name.len)
		memcpy(name, object->name.ptr, object->name.len);
	name[object->name.len] = '-';
	pod->name = (struct str){NULL, 0};
	pod->generate_name = (struct str){name, object->name.len + 1};
	return 0;
}

static int make_review(struct trial *trial, const struct workload_kind *kind, const struct manifest *manifest,
		       const struct manifest_object *object, struct error *err)
{
	struct workload workload;
	struct review *review = &trial->review;
	if (workload_read(kind, object->json, &workload, err) < 0)
		return manifest_explain(manifest, object, err);
	struct manifest_object template = *object; /* in which the reader counts bytes */
	template.json = workload.pod;
	if (review_read_pod(workload.pod.ptr, workload.pod.len, &trial->objects, &review->object, err) < 0) {
		if (*kind->template)
			error_wrap(err, "%s", kind->template);
		return manifest_explain(manifest, &template, err);
	}
	if ((*kind->template && name_pod(trial, object) < 0) || set_creator(trial, kind) < 0)
		return error_set(err, "%.300s:%u: there is not enough memory", manifest->file, object->line);
	review->namespace = object->namespace.len ? object->namespace : trial->context->namespace;
	review->object.namespace = review->namespace;
	review->object.uid = (struct str){NULL, 0}; /* Each new Pod gets one of its own. */
	review->operation = OPERATION_CREATE;
	review->uid = STR("explain");
	review->version = STR("v1");
	review->kind = STR("Pod");
	review->resource = STR("pods");
	review->name = review->object.name;
	review->dry_run = workload.replicas == 0; /* Then a Pod is explained, but none holds quota. */
	trial->pods = workload.replicas < EXPLAIN_PODS_MAX ? workload.replicas : EXPLAIN_PODS_MAX;
	return 0;
}

static bool is_review(const struct manifest_object *object)
{
	return str_eq(object->kind, STR("AdmissionReview"));
}

/* Returns 1, 0 if the review is not about a Pod, or -1. */
static int take_review(struct trial *trial, const struct manifest *manifest, const struct manifest_object *object,
		       struct error *err)
{
	struct review *review = &trial->review;
	trial->pods = 1;
	if (review_read(object->json.ptr, object->json.len, &trial->objects, review, err) < 0)
		return manifest_explain(manifest, object, err);
	bool written = review->operation == OPERATION_CREATE || review->operation == OPERATION_UPDATE;
	if (!review_is_pod(review) || review->object.present || !written)
		return review_is_pod(review);
	error_set(err, "request.object: expected the Pod, found nothing");
	return manifest_explain(manifest, object, err);
}

/* Returns 1, 0 if the object makes no Pods, or -1. */
static int read_trial(struct trial *trial, const struct manifest *manifest, const struct manifest_object *object,
		      struct error *err)
{
	const struct workload_kind *kind = workload_find(object->api_version, object->kind);
	if (is_review(object))
		return take_review(trial, manifest, object, err);
	return !kind ? 0 : make_review(trial, kind, manifest, object, err) < 0 ? -1 : 1;
}

/* --- The result --- */

static void add_objections(json_t *list, const struct decision *decision)
{
	for (uint32_t i = 0; i < decision->objection_count; i++) {
		const struct objection *objection = &decision->objections[i];
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:o, s:o}", "enforcement", enforcement_name(objection->enforcement),
				    "reason", reason_name(objection->reason), "name", explain_string(objection->name),
				    "message", explain_string(objection->message)));
	}
}

static json_t *message_of(const struct decision *decision)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	answer_message(&text, decision);
	json_t *message = decision->denied ? explain_string(buf_view(&text)) : json_null();
	buf_release(&text);
	return message;
}

static json_t *patch_of(const struct simulated *simulated)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (!simulated->mutation.denied)
		patch_write(&text, &simulated->before, simulated->mutation.edits, simulated->mutation.edit_count);
	json_t *patch = text.failed || text.len == 0 ? json_array() : json_loadb(text.ptr, text.len, 0, NULL);
	buf_release(&text);
	return patch;
}

static void add_decision(json_t *tree, const struct simulated *simulated)
{
	const struct decision *decision = simulated_decision(simulated);
	json_t *objections = json_array();
	add_objections(objections, &simulated->mutation);
	add_objections(objections, &simulated->validation);
	json_object_set_new(tree, "verdict", json_string(simulated->admitted ? "admitted" : "refused"));
	json_object_set_new(tree, "message", message_of(decision));
	json_object_set_new(tree, "objections", objections);
	json_object_set_new(tree, "charges", explain_string(buf_view(&simulated->charges)));
	json_object_set_new(tree, "patch", patch_of(simulated));
	json_object_set_new(tree, "mirror", json_boolean(decision->mirror));
}

static void add_identity(const struct trial *trial, const struct manifest *manifest,
			 const struct manifest_object *object)
{
	const struct review *review = &trial->review;
	struct str name = is_review(object) ? review->name : object->name;
	json_object_set_new(trial->tree, "file", explain_place(str_of(manifest->file), 0));
	json_object_set_new(trial->tree, "line", json_integer(object->line));
	json_object_set_new(trial->tree, "kind", explain_string(is_review(object) ? review->kind : object->kind));
	json_object_set_new(trial->tree, "name", explain_string(name));
	json_object_set_new(trial->tree, "namespace", explain_string(review->namespace));
	json_object_set_new(trial->tree, "user", explain_string(review->user));
}

/* Decides one Pod. If `traced`, its steps and its decision are added to the tree. */
static int try_pod(struct trial *trial, bool traced, bool *admitted)
{
	struct explain_collector collector = {trial->context->policy, trial->tree};
	const struct trace trace = {explain_event, &collector};
	struct review review = trial->review;
	struct simulated simulated;
	arena_reset(&trial->decision);
	simulation_admit(trial->context->simulation, trial->context->policy, &review, &trial->decision,
			 traced ? &trace : NULL, &simulated);
	*admitted = simulated.admitted;
	if (traced && simulated.state == ADMISSION_DECIDED)
		add_decision(trial->tree, &simulated);
	buf_release(&simulated.charges);
	return simulated.state == ADMISSION_DECIDED ? 0 : -1;
}

static int try_all(struct trial *trial, const struct manifest *manifest, const struct manifest_object *object)
{
	bool admitted;
	add_identity(trial, manifest, object);
	if (try_pod(trial, true, &admitted) < 0)
		return -1;
	while (admitted && ++trial->fits < trial->pods)
		if (try_pod(trial, false, &admitted) < 0)
			return -1;
	if (!admitted && trial->fits > 0) {
		/*
		 * The first ones are admitted: another Pod's refusal is what has to be explained.
		 */
		json_object_clear(trial->tree);
		add_identity(trial, manifest, object);
		if (try_pod(trial, true, &admitted) < 0)
			return -1;
	}
	if (trial->fits > trial->pods)
		trial->fits = trial->pods;
	json_object_set_new(trial->tree, "pods", json_integer(trial->pods));
	json_object_set_new(trial->tree, "fits", json_integer(trial->fits));
	return admitted;
}

enum explain_result explain_object(const struct explain_context *context, const struct manifest *manifest,
				   const struct manifest_object *object, json_t **out, struct error *err)
{
	struct trial trial = {.context = context, .tree = json_object()};
	*out = NULL;
	arena_init(&trial.objects, ARENA_CHUNK, ARENA_MAX);
	arena_init(&trial.decision, ARENA_CHUNK, ARENA_MAX);
	enum explain_result result = EXPLAIN_FAILED;
	int found = read_trial(&trial, manifest, object, err);
	if (found == 0)
		result = EXPLAIN_NO_PODS;
	if (found > 0) {
		int admitted = try_all(&trial, manifest, object);
		result = admitted < 0 ? EXPLAIN_FAILED : admitted ? EXPLAIN_ADMITTED : EXPLAIN_REFUSED;
		if (admitted < 0)
			error_set(err, "%.300s:%u: the Pod needs more memory than one review may use", manifest->file,
				  object->line);
		else
			*out = json_incref(trial.tree);
	}
	json_decref(trial.tree);
	arena_release(&trial.objects);
	arena_release(&trial.decision);
	return result;
}
