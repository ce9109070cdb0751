#include "webhook/cmd/lint_admission.h"

#include "gpugate/plain.h"
#include "gpugate/quantity.h"
#include "webhook/cmd/input_file.h"
#include "webhook/json/path.h"
#include "webhook/simulate/admit.h"
#include "webhook/simulate/subject.h"
#include "webhook/simulate/usage.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 20)
#define PODS_MAX 1000 /* Of one workload that are tried. */
#define TEXT_BYTES 1024
#define NAME_SHOWN 100

/* The file that is judged. */
struct judging {
	const struct policy *policy;
	struct subject_creator creator;
	struct report *report;
	struct manifest manifest;
	struct simulation *simulation; /* Holds nothing between two objects but labels. */
	struct arena objects;          /* For the review of one object. */
	struct arena decision;         /* For one decision. */
	struct arena uids;             /* Of the Pods of one object. */
};

static void find(const struct judging *judging, const struct manifest_object *object, enum lint_id id,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void find(const struct judging *judging, const struct manifest_object *object, enum lint_id id,
		 const char *format, ...)
{
	char text[TEXT_BYTES];
	int kind = object->kind.len < NAME_SHOWN ? (int)object->kind.len : NAME_SHOWN;
	int name = object->name.len < NAME_SHOWN ? (int)object->name.len : NAME_SHOWN;
	int len = snprintf(text, sizeof text, "%.*s \"%.*s\": ", kind, object->kind.ptr, name,
			   str_present(object->name) ? object->name.ptr : "");
	va_list args;
	va_start(args, format);
	vsnprintf(text + len, sizeof text - (size_t)len, format, args);
	va_end(args);
	manifests_report(judging->report, str_of(judging->manifest.file), object->line, object->name, id, str_of(text));
}

/* What came of one Pod. */
struct outcome {
	bool admitted, charged;
	bool unknown;   /* It is refused, but maybe only because labels are missing. */
	struct str uid; /* In judging->uids. */
	char message[TEXT_BYTES / 2];
};

/*
 * Whether the labels of a namespace could make it one of a tenant, and no file has its Namespace.
 * Then nothing is known about its tenant.
 */
static bool are_labels_missing(const struct judging *judging, struct str namespace)
{
	return policy_selects_namespaces(judging->policy) && !policy_has_namespace(judging->policy, namespace) &&
	       !simulation_has_namespace(judging->simulation, namespace);
}

/*
 * Copies the decision without what it says of a namespace that belongs to no tenant. Returns
 * whether the Pod is refused for another reason.
 */
static bool leave_out_untenanted(const struct decision *decision, struct decision *rest)
{
	uint32_t kept = 0;
	bool refused = false;
	*rest = *decision;
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		if (decision->violations[i].reason == REASON_UNTENANTED)
			continue;
		refused |= decision->violations[i].enforcement == ENFORCEMENT_DENY;
		rest->violations[kept++] = decision->violations[i];
	}
	rest->violation_count = kept;
	return refused;
}

/* Keeps why a Pod is refused, without what missing labels of its namespace decide. */
static void take_refusal(const struct judging *judging, const struct subject *subject, const struct decision *decision,
			 struct outcome *outcome)
{
	struct decision rest;
	if (are_labels_missing(judging, subject->review.namespace)) {
		outcome->unknown = !leave_out_untenanted(decision, &rest);
		decision = &rest;
	}
	json_t *message = simulated_message(decision);
	const char *text = json_string_value(message);
	snprintf(outcome->message, sizeof outcome->message, "%s", text ? text : "");
	json_decref(message);
}

static int try_pod(struct judging *judging, const struct subject *subject, bool dry_run, struct outcome *outcome)
{
	struct review review = subject->review;
	struct simulated simulated;
	arena_reset(&judging->decision);
	review.dry_run = dry_run;
	simulation_admit(judging->simulation, judging->policy, &review, &judging->decision, NULL, &simulated);
	*outcome = (struct outcome){.admitted = simulated.admitted, .charged = simulated.charges.len > 0};
	if (!simulated.admitted && simulated.state == ADMISSION_DECIDED)
		take_refusal(judging, subject, simulated_decision(&simulated), outcome);
	if (simulated.admitted && !dry_run)
		outcome->uid = arena_str(&judging->uids, review.object.uid);
	buf_release(&simulated.charges);
	return simulated.state == ADMISSION_DECIDED ? 0 : -1;
}

/* --- Rolling updates --- */

/* Reads a number of Pods, or a percentage of the replicas, as Kubernetes rounds it. */
static int64_t read_part(struct str json, const char *path, int64_t replicas, bool up)
{
	struct str value;
	struct error unused = {0};
	int64_t number = 25;
	bool percent = true;
	if (json_find(json, path, &value, &unused) < 0)
		return 0;
	if (str_present(value)) {
		if (value.len > 2 && value.ptr[0] == '"')
			value = (struct str){value.ptr + 1, value.len - 2};
		percent = str_ends(value, STR("%"));
		value.len -= percent;
		if (quantity_count(value, &number) != QUANTITY_OK || number > PODS_MAX)
			return 0;
	}
	return percent ? (replicas * number + (up ? 99 : 0)) / 100 : number;
}

/* Returns how many Pods beyond its replicas a Deployment must be able to create to be updated. */
static int64_t surge_of(const struct manifest_object *object, int64_t replicas)
{
	struct str type;
	struct error unused = {0};
	if (!str_eq(object->kind, STR("Deployment")) ||
	    json_find(object->json, "spec.strategy.type", &type, &unused) < 0 ||
	    (str_present(type) && !str_eq(type, STR("\"RollingUpdate\""))))
		return 0;
	int64_t fewer = read_part(object->json, "spec.strategy.rollingUpdate.maxUnavailable", replicas, false);
	int64_t more = read_part(object->json, "spec.strategy.rollingUpdate.maxSurge", replicas, true);
	return fewer == 0 && more > 0 ? 1 : 0;
}

/* --- Objects --- */

/* What was tried of the Pods of one object. */
struct tried {
	struct str *uids; /* Of those that were admitted. */
	int64_t size, fits, wanted;
	int64_t before; /* How many had been admitted when the group began. */
};

/* Creates the Pods of one group until one is refused. */
static int try_group(struct judging *judging, const struct subject *subject, int64_t count, struct tried *tried,
		     struct outcome *outcome)
{
	int result = 0;
	*outcome = (struct outcome){.admitted = true};
	for (int64_t i = 0; result == 0 && i < count && outcome->admitted && tried->fits < tried->size; i++) {
		result = try_pod(judging, subject, false, outcome);
		if (result == 0 && outcome->admitted)
			tried->uids[tried->fits++] = outcome->uid;
	}
	for (int64_t i = tried->before; subject->alone && i < tried->fits; i++)
		simulation_gone(judging->simulation, tried->uids[i]);
	tried->before = tried->fits;
	return result;
}

/* Creates all Pods of a workload, and one more for its update; then removes them. */
static int try_all(struct judging *judging, const struct manifest_object *object, const struct subjects *subjects)
{
	struct tried tried = {.fits = 0};
	int64_t pods = 0;
	for (uint32_t i = 0; i < subjects->count; i++) {
		pods += subjects->items[i].pods;
		tried.wanted += subjects->items[i].pods < PODS_MAX ? subjects->items[i].pods : PODS_MAX;
	}
	int64_t surge = surge_of(object, tried.wanted);
	struct outcome outcome = {.admitted = true};
	tried.size = tried.wanted + surge;
	tried.uids = arena_alloc(&judging->uids, ((size_t)tried.size + 1) * sizeof *tried.uids);
	int result = tried.uids ? 0 : -1;
	for (uint32_t i = 0; result == 0 && outcome.admitted && i < subjects->count; i++) {
		int64_t count = subjects->items[i].pods < PODS_MAX ? subjects->items[i].pods : PODS_MAX;
		if (count + surge)
			result = try_group(judging, &subjects->items[i], count + surge, &tried, &outcome);
	}
	for (int64_t i = 0; i < tried.fits; i++)
		simulation_gone(judging->simulation, tried.uids[i]);
	if (result == 0 && tried.fits < tried.wanted)
		find(judging, object, LINT_REPLICAS_ABOVE_QUOTA, "only %lld of %lld Pods fit: %s",
		     (long long)tried.fits, (long long)pods, outcome.message);
	else if (result == 0 && tried.fits < tried.size)
		find(judging, object, LINT_SURGE_ABOVE_QUOTA,
		     "a rolling update needs one Pod more than fit, so it never ends; write maxSurge: 0 and "
		     "maxUnavailable: 1");
	return result;
}

static int judge_object(struct judging *judging, const struct manifest_object *object)
{
	struct subjects subjects;
	struct outcome outcome;
	struct error unreadable = {0};
	bool charged = false;
	arena_reset(&judging->objects);
	arena_reset(&judging->uids);
	bool placed = object->namespace.len || str_present(judging->creator.namespace);
	if (!placed || subject_is_review(object) ||
	    subjects_read(&subjects, &judging->manifest, object, &judging->creator, &judging->objects, &unreadable) <=
		0)
		return 0; /* The rules for manifests say what is wrong in it. */
	for (uint32_t i = 0; i < subjects.count; i++) {
		if (try_pod(judging, &subjects.items[i], true, &outcome) < 0)
			return -1;
		if (outcome.unknown)
			return 0;
		charged |= outcome.charged && subjects.items[i].pods > 0;
		if (!outcome.admitted) {
			find(judging, object, LINT_POLICY_REFUSES, "the policy refuses its Pods: %s", outcome.message);
			return 0;
		}
	}
	return charged ? try_all(judging, object, &subjects) : 0;
}

static int judge_objects(struct judging *judging, struct error *err)
{
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < judging->manifest.count; i++)
		if (judge_object(judging, &judging->manifest.objects[i]) < 0)
			result = error_set(err, "%.300s:%u: the Pod needs more memory than one review may use",
					   judging->manifest.file, judging->manifest.objects[i].line);
	return result;
}

/* A file with anchors, for example, is YAML and can still not be judged. */
static void report_unread(const struct judging *judging, const char *path, const struct error *err)
{
	struct str file = str_of(input_file_name(path));
	for (unsigned i = 0; i < judging->report->count; i++) {
		const struct finding *finding = &judging->report->findings[i];
		if (str_eq(finding->file, file) && str_eq(finding->id, lint_rows[LINT_MANIFEST_UNREADABLE].id))
			return;
	}
	char text[TEXT_BYTES];
	snprintf(text, sizeof text, "the policy cannot judge this file: %.900s", err->text);
	manifests_report(judging->report, file, 0, STR(""), LINT_MANIFEST_UNREADABLE, str_of(text));
}

static int judge_file(struct judging *judging, const char *path, struct error *err)
{
	struct error unread = {0};
	const struct manifest *manifest = &judging->manifest;
	int result = 0;
	if (input_file_manifest(path, &judging->manifest, &unread) < 0) {
		report_unread(judging, path, &unread);
		return 0;
	}
	for (uint32_t i = 0; result == 0 && i < manifest->count; i++)
		result = simulation_labels(judging->simulation, manifest, &manifest->objects[i], &unread);
	if (result < 0)
		report_unread(judging, path, &unread);
	result = result < 0 ? 0 : judge_objects(judging, err);
	manifest_release(&judging->manifest);
	return result;
}

/*
 * The Namespace of a Pod is often in another file than the Pod. What cannot be read has no labels.
 */
static void take_namespaces(const struct judging *judging, const char *path)
{
	struct manifest manifest;
	struct error unread = {0};
	if (input_file_manifest(path, &manifest, &unread) < 0)
		return;
	for (uint32_t i = 0; i < manifest.count; i++)
		if (str_eq(manifest.objects[i].kind, STR("Namespace")))
			simulation_labels(judging->simulation, &manifest, &manifest.objects[i], &unread);
	manifest_release(&manifest);
}

int lint_admission(const struct manifests *manifests, const struct policy *policy, struct str namespace,
		   struct report *report, struct error *err)
{
	struct judging judging = {
	    .policy = policy, .creator = {.namespace = namespace, .policy = policy}, .report = report};
	int result = (judging.simulation = simulation_create(policy, err)) ? 0 : -1;
	arena_init(&judging.objects, ARENA_CHUNK, ARENA_MAX);
	arena_init(&judging.decision, ARENA_CHUNK, ARENA_MAX);
	arena_init(&judging.uids, ARENA_CHUNK, ARENA_MAX);
	for (size_t i = 0; result == 0 && i < manifests->namespace_count; i++)
		take_namespaces(&judging, manifests->namespaces[i].ptr);
	for (size_t i = 0; result == 0 && i < manifests->file_count; i++)
		if (!manifests->files[i].partial)
			result = judge_file(&judging, manifests->files[i].path.ptr, err);
	simulation_destroy(judging.simulation);
	arena_release(&judging.objects);
	arena_release(&judging.decision);
	arena_release(&judging.uids);
	report_sort(report);
	return result;
}
