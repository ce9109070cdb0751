#include "webhook/simulate/explain.h"

#include "gpugate/enum_names.h"
#include "webhook/simulate/explain_text.h"
#include "webhook/simulate/subject.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 20) /* As much as one request of `serve` may use, and more. */

/* One object that is tried, and the result. */
struct trial {
	const struct explain_context *context;
	struct subject subject;
	struct arena *objects; /* For the reviews. */
	struct str *uids;      /* Of those that are admitted; NULL: they stay. */
	struct arena decision; /* For one decision; emptied for the next one. */
	struct replacement tried;
	int64_t fits; /* How many were admitted. */
	/* How many were admitted before the first with a violation; -1: none has any. */
	int64_t fits_enforced;
	bool together;    /* Other Pods of the object can be in the same group. */
	json_t *workload; /* See explain_workload; borrowed. NULL: the object is none. */
	json_t *earlier;  /* See struct explain_refusal; borrowed. */
	json_t *tree;
};

/* --- The result --- */

static void add_violations(json_t *list, const struct decision *decision)
{
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		const struct violation *violation = &decision->violations[i];
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:o, s:o}", "enforcement", enforcement_name(violation->enforcement),
				    "reason", reason_name(violation->reason), "name", explain_string(violation->name),
				    "message", explain_string(violation->message)));
	}
}

static void set_objections(json_t *tree, const struct simulated *simulated)
{
	json_t *violations = json_array();
	add_violations(violations, &simulated->mutation);
	add_violations(violations, &simulated->validation);
	json_object_set_new(tree, "objections", violations);
}

/* Appends the name of a group, without the number that an object has here. */
static json_t *group_name(struct str key)
{
	const char *mark = memchr(key.ptr, *SUBJECT_NUMBER_MARK, key.len);
	size_t before = mark ? (size_t)(mark - key.ptr) : key.len, after = before + (mark != NULL);
	while (after < key.len && key.ptr[after] >= '0' && key.ptr[after] <= '9')
		after++;
	return json_sprintf("%.*s%.*s", (int)before, key.ptr, (int)(key.len - after), key.ptr + after);
}

/* Whether the group is that of the object, which says how many Pods there are. */
static bool is_of_object(const struct trial *trial, struct str key)
{
	const struct group_object *object = &trial->subject.group;
	return str_present(object->json) && str_starts(key, object->kind) && key.len > object->kind.len &&
	       (key.ptr[object->kind.len] == '.' || key.ptr[object->kind.len] == '/');
}

/* Why the Pod was not decided with its group; NULL: it was, or it was not decided. */
static const char *why_alone(const struct trial *trial, const struct consumer *consumer)
{
	size_t i;
	json_t *quota, *quotas = json_object_get(trial->tree, "quotas");
	if (consumer->gang || !quotas)
		return NULL;
	/* It uses up what its group has reserved. */
	json_array_foreach(quotas, i, quota)
	{
		if (json_object_get(quota, "ofGroup"))
			return NULL;
	}
	if (!str_present(consumer->group))
		return str_present(trial->subject.part) ? "groupNotKnown" : "noGroup";
	return is_of_object(trial, consumer->group) ? "noOthers" : "sizeNotKnown";
}

/* Adds the group of the Pod, if its Rule admits it only as a whole. */
static void set_gang(const struct trial *trial, const struct decision *decision)
{
	json_t *item = json_object_get(trial->tree, "gang");
	const struct consumer *consumer = &decision->consumer;
	const char *why = why_alone(trial, consumer);
	if (!item)
		return;
	json_object_set_new(item, "whole", json_boolean(consumer->gang));
	if (str_present(consumer->group))
		json_object_set_new(item, "group", group_name(consumer->group));
	if (consumer->gang && consumer->gang->pods)
		json_object_set_new(item, "pods", json_integer(consumer->gang->pods));
	if (why)
		json_object_set_new(item, "decidedAlone", json_string(why));
}

static void add_decision(json_t *tree, const struct simulated *simulated)
{
	const struct decision *decision = simulated_decision(simulated);
	json_object_set_new(tree, "verdict", json_string(simulated->admitted ? "admitted" : "refused"));
	json_object_set_new(tree, "message", simulated_message(decision));
	set_objections(tree, simulated);
	json_object_set_new(tree, "charges", explain_string(buf_view(&simulated->charges)));
	json_object_set_new(tree, "patch", simulated_patch(simulated));
	json_object_set_new(tree, "mirror", json_boolean(decision->mirror));
}

static void add_identity(const struct trial *trial, const struct manifest *manifest,
			 const struct manifest_object *object)
{
	const struct review *review = &trial->subject.review;
	struct str name = subject_is_review(object) ? review->name : object->name;
	json_object_set_new(trial->tree, "file", explain_location(str_of(manifest->file), 0));
	json_object_set_new(trial->tree, "line", json_integer(object->line));
	json_object_set_new(trial->tree, "kind",
			    explain_string(subject_is_review(object) ? review->kind : object->kind));
	json_object_set_new(trial->tree, "name", explain_string(name));
	if (str_present(trial->subject.part))
		json_object_set_new(trial->tree, "part", explain_string(trial->subject.part));
	json_object_set_new(trial->tree, "namespace", explain_string(review->namespace));
	json_object_set_new(trial->tree, "user", explain_string(review->user));
}

/* Whether the Pod would be refused if every enforcement were deny. */
static bool has_objections(const struct decision *decision)
{
	uint32_t i = 0;
	while (i < decision->violation_count && decision->violations[i].only_changes)
		i++;
	return i < decision->violation_count;
}

/*
 * Notes the first Pod to which something objects, whatever the enforcement. The violations of the
 * explanation are then those of this Pod.
 */
static void note_objections(struct trial *trial, const struct simulated *simulated)
{
	if (trial->fits_enforced >= 0 ||
	    !(has_objections(&simulated->mutation) || has_objections(&simulated->validation)))
		return;
	trial->fits_enforced = trial->fits;
	set_objections(trial->tree, simulated);
}

/* Keeps the uid of a Pod that has to go again. Its number is trial->fits. */
static void keep_uid(struct trial *trial, struct str uid)
{
	if (trial->fits == 0 && trial->subject.alone)
		trial->uids = arena_zalloc(trial->objects, (size_t)trial->tried.count.pods + 1, sizeof *trial->uids);
	if (trial->uids && trial->fits < trial->tried.count.pods)
		trial->uids[trial->fits] = arena_str(trial->objects, uid);
}

/* Decides one Pod. If `traced` is true, adds its steps and its decision to the tree. */
static int try_pod(struct trial *trial, bool traced, bool *admitted)
{
	struct explain_collector collector = {trial->context->policy, trial->tree};
	const struct trace trace = {explain_event, &collector};
	struct review review;
	struct simulated simulated;
	arena_reset(&trial->decision);
	if (subject_member(&trial->subject, trial->fits, &trial->decision, &review) < 0)
		return -1;
	simulation_admit(trial->context->simulation, &review, &trial->decision, traced ? &trace : NULL, &simulated);
	*admitted = simulated.admitted;
	if (simulated.state == ADMISSION_DECIDED) {
		if (traced) {
			add_decision(trial->tree, &simulated);
			set_gang(trial, &simulated.validation);
			explain_claims(trial->context->policy, &review, trial->tree);
		}
		note_objections(trial, &simulated);
	}
	if (*admitted)
		keep_uid(trial, review.object.uid);
	buf_release(&simulated.charges);
	return simulated.state == ADMISSION_DECIDED ? 0 : -1;
}

static void set_counts(const struct trial *trial)
{
	const struct replacement *tried = &trial->tried;
	json_object_set_new(trial->tree, "pods", json_integer(tried->count.pods));
	json_object_set_new(trial->tree, "fits", json_integer(trial->fits));
	if (tried->replaced)
		json_object_set_new(trial->tree, "replaces", json_integer(tried->replaced));
	if (tried->count.surge)
		json_object_set_new(trial->tree, "surge", json_integer(tried->count.surge));
	json_t *gang = json_object_get(trial->tree, "gang");
	if (gang && !trial->together)
		json_object_set_new(gang, "alone", json_true());
	/* A mirror Pod is never refused. */
	bool mirror = json_is_true(json_object_get(trial->tree, "mirror"));
	if (trial->fits_enforced >= 0 && !mirror && tree_is(trial->tree, "verdict", "admitted"))
		json_object_set_new(trial->tree, "fitsIfEnforced", json_integer(trial->fits_enforced));
}

static void begin(const struct trial *trial, const struct manifest *manifest, const struct manifest_object *object)
{
	add_identity(trial, manifest, object);
	if (trial->workload)
		json_object_set(trial->tree, "workload", trial->workload);
}

static int try_all(struct trial *trial, const struct manifest *manifest, const struct manifest_object *object)
{
	bool admitted;
	begin(trial, manifest, object);
	if (try_pod(trial, true, &admitted) < 0)
		return -1;
	while (admitted && ++trial->fits < trial->tried.count.pods)
		if (try_pod(trial, false, &admitted) < 0)
			return -1;
	if (!admitted && trial->fits > 0) {
		/* The first Pod was admitted. Explain the refusal of the last one instead. */
		json_object_clear(trial->tree);
		begin(trial, manifest, object);
		if (try_pod(trial, true, &admitted) < 0)
			return -1;
	}
	if (trial->fits > trial->tried.count.pods)
		trial->fits = trial->tried.count.pods;
	set_counts(trial);
	explain_early_answer(trial->context->policy, trial->tree);
	if (!admitted)
		explain_remedies(&(struct explain_refusal){trial->context, &trial->subject, &trial->decision,
							   trial->fits, &trial->tried, trial->earlier, trial->tree});
	return admitted;
}

/* Explains one group of Pods of the object. */
static enum explain_result explain_subject(struct trial *trial, const struct manifest *manifest,
					   const struct manifest_object *object, json_t *list, struct error *err)
{
	group_objects_own(simulation_groups(trial->context->simulation), &trial->subject.group);
	int admitted = try_all(trial, manifest, object);
	group_objects_own(simulation_groups(trial->context->simulation), NULL);
	for (int64_t i = 0; trial->uids && i < trial->fits; i++)
		simulation_gone(trial->context->simulation, trial->uids[i]);
	if (!trial->subject.alone)
		json_array_append(trial->earlier, trial->tree);
	if (admitted >= 0 && json_array_append(list, trial->tree) == 0)
		return admitted ? EXPLAIN_ADMITTED : EXPLAIN_DENIED;
	error_set(err, "%.300s:%u: the Pod needs more memory than one review may use", manifest->file, object->line);
	return EXPLAIN_FAILED;
}

/*
 * Whether the Pods can be in a group with others of the object: not if there are none, if these do
 * not exist at the same time, or if there is one Pod on each node.
 */
static bool is_together(const struct subjects *subjects, const struct replacement *tried, uint32_t at)
{
	const struct subject *subject = &subjects->items[at];
	int64_t pods = 0;
	if (!subject->kind || subject->kind->per_node || subject->alone)
		return false;
	for (uint32_t i = 0; i < subjects->count; i++)
		pods += subjects->items[i].alone ? 0 : tried[i].count.pods - tried[i].count.surge;
	return pods > 1;
}

/* Explains each group of Pods of the object, of which there is at least one. */
static enum explain_result explain_subjects(const struct explain_context *context, const struct subjects *subjects,
					    const struct manifest *manifest, const struct manifest_object *object,
					    struct arena *objects, json_t *list, struct error *err)
{
	struct replacement *tried = arena_zalloc(objects, subjects->count, sizeof *tried);
	enum explain_result result = EXPLAIN_ADMITTED;
	if (!tried) {
		error_set(err, "%.300s:%u: there is not enough memory", manifest->file, object->line);
		return EXPLAIN_FAILED;
	}
	for (uint32_t i = 0; i < subjects->count; i++)
		tried[i] = replaced_take(context->replaced, &subjects->items[i], object->name,
					 (struct simulation *[]){context->simulation}, 1);
	json_t *workload = explain_workload(context, subjects, object, objects), *earlier = json_array();
	for (uint32_t i = 0; i < subjects->count && result != EXPLAIN_FAILED; i++) {
		struct trial trial = {.context = context,
				      .subject = subjects->items[i],
				      .objects = objects,
				      .tried = tried[i],
				      .fits_enforced = -1,
				      .together = is_together(subjects, tried, i),
				      .workload = workload,
				      .earlier = earlier,
				      .tree = json_object()};
		arena_init(&trial.decision, ARENA_CHUNK, ARENA_MAX);
		enum explain_result of_part = explain_subject(&trial, manifest, object, list, err);
		if (of_part != EXPLAIN_ADMITTED)
			result = of_part;
		json_decref(trial.tree);
		arena_release(&trial.decision);
	}
	json_decref(workload);
	json_decref(earlier);
	return result;
}

enum explain_result explain_object(const struct explain_context *context, const struct manifest *manifest,
				   const struct manifest_object *object, json_t *list, struct error *err)
{
	struct subjects subjects;
	struct arena objects;
	arena_init(&objects, ARENA_CHUNK, ARENA_MAX);
	int found = subjects_read(&subjects, manifest, object, &context->creator, &objects, err);
	uint64_t number = group_objects_number(simulation_groups(context->simulation));
	if (found > 0 && subjects_set_groups(&subjects, object, number, &objects) < 0)
		found = error_set(err, "%.300s:%u: there is not enough memory", manifest->file, object->line);
	enum explain_result result = found > 0
					 ? explain_subjects(context, &subjects, manifest, object, &objects, list, err)
				     : found ? EXPLAIN_FAILED
					     : EXPLAIN_NO_PODS;
	arena_release(&objects);
	return result;
}
