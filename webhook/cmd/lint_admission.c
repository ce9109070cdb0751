#include "webhook/cmd/lint_admission.h"

#include "webhook/cmd/input_file.h"
#include "webhook/cmd/lint_autoscalers.h"
#include "webhook/cmd/lint_find.h"
#include "webhook/cmd/lint_place.h"
#include "webhook/cmd/lint_requests.h"
#include "webhook/cmd/lint_selectors.h"
#include "webhook/cmd/lint_trial.h"
#include "webhook/cmd/lint_unread.h"
#include "webhook/object/workload.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 20)

struct judging {
	struct trial trial;
	struct subject_creator creator;
	const struct autoscalers *autoscalers;
	struct lint_file file;
	struct arena objects; /* For the review of one object. */
};

/* How many Pods of a workload are admitted, one after the other. */
struct attempt {
	int64_t fits;
	struct str *uids;                  /* Of those that fit. */
	const struct subject *refused;     /* The group of the next one; NULL: all are admitted. */
	char charges[TRIAL_CHARGES_BYTES]; /* Of the first one. */
	char message[TRIAL_MESSAGE_BYTES]; /* Why the next one is refused. */
};

/* Removes the Pods from the one with that number on. */
static void remove_pods(const struct judging *judging, const struct attempt *attempt, int64_t first)
{
	for (int64_t i = first; i < attempt->fits; i++)
		simulation_gone(judging->trial.simulation, attempt->uids[i]);
}

/* Creates up to `most` Pods of one group. Returns 1, 0 if one is refused, or -1 without memory. */
static int try_group(struct judging *judging, const struct manifest_object *object, const struct subject *subject,
		     int64_t most, struct attempt *attempt)
{
	struct outcome outcome = {.admitted = true};
	int64_t first = attempt->fits;
	for (int64_t i = 0; i < most; i++) {
		if (trial_pod(&judging->trial, object, subject, i, false, &outcome) < 0)
			return -1;
		if (!outcome.admitted)
			break;
		if (attempt->fits == 0)
			memcpy(attempt->charges, outcome.charges, sizeof attempt->charges);
		attempt->uids[attempt->fits++] = outcome.uid;
	}
	if (subject->alone)
		remove_pods(judging, attempt, first);
	memcpy(attempt->message, outcome.message, sizeof attempt->message);
	return outcome.admitted;
}

/* Creates all Pods of a workload, and `more` of the last group; then removes them. */
static int try_pods(struct judging *judging, const struct manifest_object *object, const struct subjects *subjects,
		    int64_t pods, int64_t more, struct attempt *attempt)
{
	int admitted = 1;
	*attempt = (struct attempt){
	    .uids = arena_alloc(&judging->trial.uids, (size_t)(pods + more + 1) * sizeof *attempt->uids)};
	if (!attempt->uids)
		return -1;
	for (uint32_t i = 0; admitted > 0 && i < subjects->count; i++)
		admitted = try_group(judging, object, attempt->refused = &subjects->items[i],
				     subjects->items[i].count.pods + (i + 1 == subjects->count ? more : 0), attempt);
	remove_pods(judging, attempt, 0);
	return admitted < 0 ? -1 : 0;
}

/* The autoscalers of one object. */
struct scaling {
	const struct autoscaler *first;
	uint32_t count;
	struct str group; /* Of the object. */
};

static int64_t at_most(int64_t pods)
{
	return pods < SUBJECT_PODS_MAX ? pods : SUBJECT_PODS_MAX;
}

static bool scales(const struct scaling *scaling, uint32_t i)
{
	struct str group = scaling->first[i].target.group;
	return !str_present(group) || str_eq(group, scaling->group);
}

static struct scaling scaling_of(const struct judging *judging, const struct manifest_object *object,
				 const struct subject *subject)
{
	struct scaling scaling = {.group = lint_autoscalers_group(object->api_version)};
	const struct scaled target = {
	    .namespace = subject->review.namespace, .kind = object->kind, .name = object->name};
	/* A replica of a custom resource may be several Pods. */
	if (str_present(object->name) && subject->kind != &workload_custom)
		scaling.first = lint_autoscalers_of(judging->autoscalers, &target, &scaling.count);
	return scaling;
}

/* Returns what of a workload says that its update needs a Pod more, or an absent string. */
static struct str surge_cause(const struct manifest_object *object, const struct workload_kind *kind)
{
	struct str cause = kind ? lint_place_value(object, kind->rolling.unavailable) : (struct str){NULL, 0};
	return str_present(cause) || !kind ? cause : lint_place_value(object, kind->rolling.surge);
}

/* What precedes a message about one of several groups, as `explain` and the server write it. */
#define PART "%.*s%s"
#define PART_ARG(subject) STR_ARG((subject)->part), str_present((subject)->part) ? ": " : ""

static void report_attempt(const struct judging *judging, const struct manifest_object *object, int64_t pods,
			   const struct attempt *attempt)
{
	const struct workload_kind *kind = workload_find(object->api_version, object->kind);
	struct str replicas = lint_place_value(object, kind ? kind->replicas : NULL), cause = surge_cause(object, kind);
	if (!str_present(replicas))
		replicas = lint_place_request(judging->trial.policy, object, attempt->refused);
	if (attempt->fits < pods)
		lint_find_in(&judging->file, object, LINT_REPLICAS_ABOVE_QUOTA, replicas,
			     "only %lld of %lld Pods fit: " PART "%s", (long long)attempt->fits, (long long)pods,
			     PART_ARG(attempt->refused), attempt->message);
	else
		lint_find_in(&judging->file, object, LINT_SURGE_ABOVE_QUOTA, str_present(cause) ? cause : replicas,
			     "a rolling update needs one Pod more than fit, so it never ends; write maxSurge: 0 and "
			     "maxUnavailable: 1");
}

/* Tries the Pods of a workload, one more for its update, and as many as an autoscaler may want. */
static int try_all(struct judging *judging, const struct manifest_object *object, const struct subjects *subjects)
{
	const struct subject *last = &subjects->items[subjects->count - 1];
	const struct scaling scaling = scaling_of(judging, object, last);
	int64_t pods = 0, surge = workload_rollout(&last->count, last->count.pods).surge, more = surge;
	struct attempt attempt;
	for (uint32_t i = 0; i < subjects->count; i++)
		pods += subjects->items[i].count.pods;
	for (uint32_t i = 0; i < scaling.count; i++)
		if (scales(&scaling, i) && at_most(scaling.first[i].most) > pods + more)
			more = at_most(scaling.first[i].most) - pods;
	if (pods + more == 0)
		return 0;
	if (try_pods(judging, object, subjects, pods, more, &attempt) < 0)
		return -1;
	if (attempt.fits < pods + surge)
		report_attempt(judging, object, pods, &attempt);
	const struct scaled_attempt scaled = {object, attempt.fits, attempt.charges, attempt.message};
	for (uint32_t i = 0; i < scaling.count; i++)
		if (scales(&scaling, i) && attempt.fits < at_most(scaling.first[i].most))
			lint_autoscalers_report(&scaling.first[i], &scaled, judging->file.report);
	return 0;
}

/* Decides one Pod of a group. Returns 1 if its group holds quota, 0 if not, or -1. */
static int judge_group(struct judging *judging, const struct manifest_object *object, const struct subject *subject,
		       bool *admitted)
{
	struct outcome outcome;
	const struct lint_judged judged = {&judging->file, &judging->trial, object, subject, &outcome};
	if (trial_pod(&judging->trial, object, subject, 0, true, &outcome) < 0)
		return -1;
	const char *what = subject->review.claim.present ? "it" : "its Pods";
	if (!outcome.admitted && !outcome.unknown)
		lint_find_in(&judging->file, object, LINT_POLICY_REFUSES, outcome.about,
			     "the policy refuses %s: " PART "%s", what, PART_ARG(subject), outcome.message);
	if (outcome.warned)
		lint_find_in(&judging->file, object, LINT_POLICY_WARNS, outcome.about,
			     "the policy warns of %s: " PART "%s", what, PART_ARG(subject), outcome.message);
	*admitted &= outcome.admitted;
	if (lint_requests(&judged) < 0 || (outcome.admitted && lint_selectors(&judged) < 0))
		return -1;
	return outcome.charged;
}

static int judge_object(struct judging *judging, uint32_t index)
{
	const struct manifest_object *object = &judging->file.manifest.objects[index];
	struct subjects subjects;
	struct error unreadable = {0};
	bool admitted = true;
	int charged = 0;
	arena_reset(&judging->objects);
	arena_reset(&judging->trial.uids);
	bool placed = object->namespace.len || str_present(judging->creator.namespace);
	if (!placed || subject_is_review(object))
		return 0;
	int read = subjects_read(&subjects, &judging->file.manifest, object, &judging->creator, &judging->objects,
				 &unreadable);
	if (read < 0)
		lint_unread_object(judging->file.report, judging->file.file, &judging->file.manifest, index,
				   &unreadable);
	if (read <= 0)
		return 0;
	uint64_t number = group_objects_number(simulation_groups(judging->trial.simulation));
	if (subjects_set_groups(&subjects, object, number, &judging->objects) < 0)
		return -1;
	for (uint32_t i = 0; admitted && i < subjects.count; i++) {
		int found = judge_group(judging, object, &subjects.items[i], &admitted);
		if (found < 0)
			return -1;
		charged |= found;
	}
	return admitted && charged ? try_all(judging, object, &subjects) : 0;
}

static int judge_objects(struct judging *judging, struct error *err)
{
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < judging->file.manifest.count; i++)
		if (judge_object(judging, i) < 0)
			result = error_set(err, "%.300s:%u: the Pod needs more memory than one review may use",
					   judging->file.manifest.file, judging->file.manifest.objects[i].line);
	return result;
}

static int judge_manifest(struct judging *judging, const char *path, struct error *err)
{
	struct error unread = {0};
	const struct manifest *manifest = &judging->file.manifest;
	int result = 0;
	if (input_file_manifest_exact(path, &judging->file.manifest, &unread) < 0) {
		lint_unread_file(judging->file.report, judging->file.file, path, &unread);
		return 0;
	}
	for (uint32_t i = 0; result == 0 && i < manifest->count; i++)
		result = simulation_labels(judging->trial.simulation, manifest, &manifest->objects[i], &unread);
	if (result < 0)
		lint_unread_file(judging->file.report, judging->file.file, path, &unread);
	result = result < 0 ? 0 : judge_objects(judging, err);
	manifest_release(&judging->file.manifest);
	return result;
}

static int judge_file(struct judging *judging, struct str path, struct error *err)
{
	struct manifests_file *file = judging->file.file = manifests_file_create(path);
	int result = file ? judge_manifest(judging, path.ptr, err) : error_set(err, "there is not enough memory");
	manifests_file_destroy(file);
	return result;
}

/*
 * The Namespace of a Pod is often in another file than the Pod, and so is the DeviceClass of a
 * resource. What cannot be read has no labels and no name.
 */
static void take_context(const struct judging *judging, const char *path)
{
	struct manifest manifest;
	struct error unread = {0};
	if (input_file_manifest(path, &manifest, &unread) < 0)
		return;
	for (uint32_t i = 0; i < manifest.count; i++)
		if (str_eq(manifest.objects[i].kind, STR("Namespace")) ||
		    str_eq(manifest.objects[i].kind, STR("DeviceClass")))
			simulation_labels(judging->trial.simulation, &manifest, &manifest.objects[i], &unread);
	manifest_release(&manifest);
}

int lint_admission(const struct manifests *manifests, const struct policy *policy, struct str namespace,
		   struct report *report, struct error *err)
{
	struct autoscalers autoscalers;
	struct judging judging = {.trial = {.policy = policy},
				  .creator = {.namespace = namespace, .policy = policy},
				  .file = {.report = report},
				  .autoscalers = &autoscalers};
	int result = (judging.trial.simulation = simulation_create(policy, err)) ? 0 : -1;
	arena_init(&judging.objects, ARENA_CHUNK, ARENA_MAX);
	arena_init(&judging.trial.decision, ARENA_CHUNK, ARENA_MAX);
	arena_init(&judging.trial.uids, ARENA_CHUNK, ARENA_MAX);
	lint_autoscalers_init(&autoscalers);
	for (size_t i = 0; result == 0 && i < manifests->file_count; i++)
		if (manifests->files[i].scales && !manifests->files[i].partial)
			lint_autoscalers_read(&autoscalers, manifests->files[i].path, namespace);
	lint_autoscalers_sort(&autoscalers);
	for (size_t i = 0; result == 0 && i < manifests->namespace_count; i++)
		take_context(&judging, manifests->namespaces[i].ptr);
	for (size_t i = 0; result == 0 && i < manifests->file_count; i++)
		if (!manifests->files[i].partial)
			result = judge_file(&judging, manifests->files[i].path, err);
	lint_autoscalers_release(&autoscalers);
	simulation_destroy(judging.trial.simulation);
	arena_release(&judging.objects);
	arena_release(&judging.trial.decision);
	arena_release(&judging.trial.uids);
	report_sort(report);
	return result;
}
