/* The steps that create objects, of which the Pods are tried. */
#include "webhook/simulate/attempt.h"
#include "webhook/simulate/suite_check.h"
#include "webhook/simulate/suite_names.h"
#include "webhook/simulate/usage.h"

struct creating {
	struct attempt attempt;
	const struct suite_step *step;
	struct subject_creator creator;
	struct error unnamed; /* About the first custom resource that the policy does not name. */
};

/* An AdmissionReview says itself what the step could say. */
static int check_review(const struct creating *c, const struct manifest_object *object, enum operation operation,
			struct error *err)
{
	if (str_present(c->creator.user))
		error_set(err, "an AdmissionReview says itself who sends it; remove `as`");
	else if (str_present(c->step->namespace))
		error_set(err, "an AdmissionReview says itself which namespace it is about; remove `namespace`");
	else if (c->step->has_stored && operation != OPERATION_CREATE)
		error_set(err, "only a Pod that is created can be stored or not; remove `stored`");
	else
		return 0;
	return suite_error_at(c->attempt.manifest, object->json.ptr, err);
}

static int too_many(const struct creating *c, const struct manifest_object *object, struct error *err)
{
	error_set(err, "a step of a test makes at most %d Pods; lower the number", STEP_PODS_MAX);
	return suite_error_at(c->attempt.manifest, object->json.ptr, err);
}

static int try_subject(struct creating *c, const struct manifest_object *object, struct subject *subject,
		       struct error *err)
{
	const uint32_t first = c->attempt.state->pod_count;
	bool review = subject_is_review(object);
	if (review && check_review(c, object, subject->review.operation, err) < 0)
		return -1;
	/* Pods of other objects count until the step ends, because they may be several. */
	subject->review.dry_run |= c->step->dry_run && review;
	const struct known_workload *workload = NULL;
	if (!review &&
	    !(workload = state_workload(c->attempt.state, c->attempt.manifest, object, subject, c->step->dry_run)))
		return state_no_memory(err);
	if (suite_note_name(c->attempt.state, subject->review.namespace, review ? subject->review.name : object->name,
			    workload && !c->step->dry_run, err) < 0)
		return -1;
	int result = attempt_pods(&c->attempt, object, subject, workload, subject->count.pods, err);
	if (subject->alone)
		attempt_undo(c->attempt.state, first);
	return result;
}

/* Returns 1, 0 if the object makes no Pods, or -1. */
static int try_object(struct creating *c, const struct manifest_object *object, struct error *err)
{
	struct subjects subjects;
	int64_t pods = 0;
	int found = subjects_read(&subjects, c->attempt.manifest, object, &c->creator, &c->attempt.state->arena, err);
	for (uint32_t i = 0; found > 0 && i < subjects.count; i++)
		pods += subjects.items[i].count.pods;
	uint64_t number = group_objects_number(simulation_groups(c->attempt.state->simulation));
	if (found > 0 && subjects_set_groups(&subjects, object, number, &c->attempt.state->arena) < 0)
		return state_no_memory(err);
	if (pods > STEP_PODS_MAX)
		return too_many(c, object, err);
	for (uint32_t i = 0; found > 0 && i < subjects.count; i++)
		if (try_subject(c, object, &subjects.items[i], err) < 0)
			return -1;
	return found;
}

static int try_file(struct creating *c, struct error *err)
{
	int found = 0;
	for (uint32_t i = 0; i < c->attempt.manifest->count; i++)
		if (simulation_labels(c->attempt.state->simulation, c->attempt.manifest,
				      &c->attempt.manifest->objects[i], err) < 0)
			return -1;
	for (uint32_t i = 0; i < c->attempt.manifest->count; i++) {
		int result = try_object(c, &c->attempt.manifest->objects[i], err);
		if (result < 0)
			return -1;
		if (result == 0)
			subject_is_unnamed(c->creator.policy, c->attempt.manifest, &c->attempt.manifest->objects[i],
					   &c->unnamed);
		found |= result;
	}
	return found;
}

int state_create(struct suite_state *state, const struct suite_step *step, struct step_report *report,
		 struct error *err)
{
	struct manifest_object object;
	struct creating c = {
	    .attempt = {.state = state,
			.manifest = state->manifest,
			.report = report,
			.unstored = step->has_stored && !step->stored},
	    .step = step,
	    .creator = {str_present(step->namespace) ? step->namespace : STR("default"), step->as.user, step->as.groups,
			state->means->coverage->policy},
	};
	const uint32_t first = state->pod_count;
	report->outcome.allowed = true;
	int found;
	if (suite_verb(step) == STEP_FILE) {
		c.attempt.manifest = state_read(state, step->file, err);
		found = c.attempt.manifest ? try_file(&c, err) : -1;
	} else {
		found = manifest_describe(c.attempt.manifest, step->create, &object, err) < 0
			    ? -1
			    : try_object(&c, &object, err);
		if (found == 0)
			subject_is_unnamed(c.creator.policy, c.attempt.manifest, &object, &c.unnamed);
	}
	if (step->dry_run)
		attempt_undo(state, first);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (c.unnamed.text[0] != '\0')
		return error_set(err, "%s", c.unnamed.text);
	error_set(err,
		  "no Pods or claims come from what this step creates; `gpugate explain --help` lists the kinds that "
		  "make some");
	return suite_error_at(state->manifest, step->at, err);
}
