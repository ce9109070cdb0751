#include "webhook/simulate/suite.h"

#include <regex.h>
#include <stdio.h>

#include <jansson.h>

#include "webhook/json/field.h"

/* For rows: the key, which is the member's name as well, and the function that reads it. */
#define ROW(type, member, function) FIELD_KEY(#member), .read = (function), .offset = offsetof(type, member)
#define STRINGS(type, member, number) ROW(type, member, field_strings), .count = offsetof(type, number)
#define LIST_OF(type, member, number, rows)                                                                            \
	FIELD_KEY(#member), .read = field_list, .offset = offsetof(type, member), .count = offsetof(type, number),     \
			    .shape = (rows)
#define OBJECT_OF(type, member, rows)                                                                                  \
	FIELD_KEY(#member), .read = field_object, .offset = offsetof(type, member), .shape = (rows)

#define STRICT(rows, type)                                                                                             \
	.fields = (rows), .count = sizeof(rows) / sizeof *(rows), .size = sizeof(type), .strict = true
#define AT(type) .location = (1 + offsetof(type, at))

/* --- Tables --- */

static const struct field text_fields[] = {
    {ROW(struct suite_text, exact, field_string)},
    {ROW(struct suite_text, contains, field_string)},
    {ROW(struct suite_text, matches, field_string)},
};
static const struct shape text_shape = {STRICT(text_fields, struct suite_text), AT(struct suite_text),
					.refuses_null = true, .text = 1 + offsetof(struct suite_text, exact)};

static const struct field namespace_fields[] = {
    {ROW(struct suite_namespace, name, field_string)},
    {ROW(struct suite_namespace, labels, field_pairs)},
};
static const struct shape namespace_shape = {STRICT(namespace_fields, struct suite_namespace),
					     AT(struct suite_namespace)};

static const struct field held_fields[] = {
    {ROW(struct suite_held, name, field_string)},
    {ROW(struct suite_held, namespace, field_string)},
    {ROW(struct suite_held, node, field_string)},
    {ROW(struct suite_held, requests, field_quantities)},
};
static const struct shape held_shape = {STRICT(held_fields, struct suite_held), AT(struct suite_held)};

static const struct field given_fields[] = {
    {LIST_OF(struct suite_given, namespaces, namespace_count, &namespace_shape)},
    {LIST_OF(struct suite_given, nodes, node_count, &namespace_shape)},
    {LIST_OF(struct suite_given, held, held_count, &held_shape)},
    {STRINGS(struct suite_given, files, files.count)},
};
static const struct shape given_shape = {STRICT(given_fields, struct suite_given)};

static const struct field pods_fields[] = {
    {ROW(struct suite_pods, name, field_string)},
    {ROW(struct suite_pods, namespace, field_string)},
    {ROW(struct suite_pods, node, field_string)},
    {ROW(struct suite_pods, count, field_number)},
};
static const struct shape pods_shape = {STRICT(pods_fields, struct suite_pods), AT(struct suite_pods)};

static const struct field user_fields[] = {
    {ROW(struct suite_user, user, field_string)},
    {STRINGS(struct suite_user, groups, groups.count)},
};
static const struct shape user_shape = {STRICT(user_fields, struct suite_user)};

static const struct field expect_fields[] = {
    {ROW(struct suite_expect, allowed, field_bool), FIELD_FLAG(struct suite_expect, has_allowed)},
    {ROW(struct suite_expect, pods, field_number)},
    {OBJECT_OF(struct suite_expect, message, &text_shape)},
    {LIST_OF(struct suite_expect, warnings, warning_count, &text_shape), FIELD_FLAG(struct suite_expect, has_warnings)},
    {ROW(struct suite_expect, object, field_json)},
    {ROW(struct suite_expect, patch, field_json)},
    {ROW(struct suite_expect, charges, field_quantities)},
    {ROW(struct suite_expect, usage, field_quantities)},
};
static const struct shape expect_shape = {STRICT(expect_fields, struct suite_expect), AT(struct suite_expect),
					  .refuses_null = true};

static const struct field step_fields[] = {
    {ROW(struct suite_step, name, field_string)},
    {ROW(struct suite_step, create, field_json)},
    {ROW(struct suite_step, file, field_string)},
    {OBJECT_OF(struct suite_step, bind, &pods_shape)},
    {OBJECT_OF(struct suite_step, finish, &pods_shape)},
    {OBJECT_OF(struct suite_step, delete, &pods_shape)},
    {ROW(struct suite_step, wait, field_number)},
    {FIELD_KEY("dryRun"), .read = field_bool, .offset = offsetof(struct suite_step, dry_run)},
    {ROW(struct suite_step, namespace, field_string)},
    {OBJECT_OF(struct suite_step, as, &user_shape)},
    {OBJECT_OF(struct suite_step, expect, &expect_shape)},
};
static const struct shape step_shape = {STRICT(step_fields, struct suite_step), AT(struct suite_step)};

static const struct field spec_fields[] = {
    {FIELD_KEY("policy"), .read = field_string, .offset = offsetof(struct suite, spec.policy)},
    {FIELD_KEY("given"), .read = field_object, .offset = offsetof(struct suite, spec.given), .shape = &given_shape},
    {FIELD_KEY("steps"), .read = field_list, .offset = offsetof(struct suite, spec.steps),
     .count = offsetof(struct suite, spec.step_count), .shape = &step_shape},
};
static const struct shape spec_shape = {STRICT(spec_fields, struct suite)};

static const struct field metadata_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct suite, metadata.name)},
};
static const struct shape metadata_shape = {STRICT(metadata_fields, struct suite)};

static const struct field suite_fields[] = {
    {FIELD_KEY("apiVersion"), .read = field_string, .offset = offsetof(struct suite, api_version)},
    {ROW(struct suite, kind, field_string)},
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
};
static const struct shape suite_shape = {STRICT(suite_fields, struct suite), AT(struct suite)};

/* What a step can do, and which expectations and members go with it. */
static const struct {
	const char *name;
	size_t offset;      /* Of a pointer that is NULL if the step does not do this. */
	bool creates;       /* A decision is made, so anything can be expected of it. */
	size_t pods_offset; /* Of the struct suite_pods; 0: it has none. */
	bool needs_node;
} verbs[STEP_VERBS] = {
    [STEP_CREATE] = {"create", offsetof(struct suite_step, create), .creates = true},
    [STEP_FILE] = {"file", offsetof(struct suite_step, file), .creates = true},
    [STEP_BIND] = {"bind", offsetof(struct suite_step, bind), .pods_offset = offsetof(struct suite_step, bind),
		   .needs_node = true},
    [STEP_FINISH] = {"finish", offsetof(struct suite_step, finish), .pods_offset = offsetof(struct suite_step, finish)},
    [STEP_DELETE] = {"delete", offsetof(struct suite_step, delete), .pods_offset = offsetof(struct suite_step, delete)},
    [STEP_WAIT] = {"wait", offsetof(struct suite_step, wait)},
};

/* --- Checks --- */

int suite_error_at(const struct manifest *manifest, const char *at, struct error *err)
{
	struct manifest_location location = manifest_location(manifest, at);
	return error_wrap(err, "%.300s:%u:%u", manifest->file, location.line, location.column);
}

#define REFUSE(manifest, at, err, ...) (error_set((err), __VA_ARGS__), suite_error_at((manifest), (at), (err)))

static bool does(const struct suite_step *step, int verb)
{
	const char *at;
	memcpy(&at, (const char *)step + verbs[verb].offset, sizeof at);
	return at != NULL;
}

enum step_verb suite_verb(const struct suite_step *step)
{
	int verb = 0;
	while (verb < STEP_VERBS - 1 && !does(step, verb))
		verb++;
	return (enum step_verb)verb;
}

static int check_text(const struct manifest *manifest, const struct suite_text *text, struct error *err)
{
	char pattern[1024], problem[200];
	regex_t regex;
	if (!text->at)
		return 0;
	if (!str_present(text->exact) && !str_present(text->contains) && !str_present(text->matches))
		return REFUSE(manifest, text->at, err, "nothing is expected; write a text, `contains`, or `matches`");
	if (!str_present(text->matches))
		return 0;
	if (text->matches.len >= sizeof pattern || memchr(text->matches.ptr, '\0', text->matches.len))
		return REFUSE(manifest, text->at, err,
			      "matches: the regular expression is too long or has a NUL; shorten it");
	snprintf(pattern, sizeof pattern, "%.*s", STR_ARG(text->matches));
	int failed = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (!failed) {
		regfree(&regex);
		return 0;
	}
	regerror(failed, &regex, problem, sizeof problem);
	return REFUSE(manifest, text->at, err, "matches: not an extended regular expression: %s; correct it", problem);
}

/* Where the key begins whose closing quotation mark is at `end`. */
static const char *key_before(struct str json, const char *end)
{
	const char *at = end;
	while (at > json.ptr && (at == end || *at != '"' || at[-1] == '\\'))
		at--;
	return at;
}

/*
 * Reads the JSON of `object` or `patch`, as expect_compare does. Returns it, new, or NULL with an
 * error.
 */
static json_t *read_json(const struct manifest *manifest, struct str json, const char *name, struct error *err)
{
	json_error_t problem;
	json_t *value = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &problem);
	if (value)
		return value;
	const char *at = json.ptr + (problem.position > 0 ? problem.position - 1 : 0);
	if (json_error_code(&problem) == json_error_duplicate_key)
		REFUSE(manifest, key_before(json, at), err, "%s: this key is given twice; remove one of the two", name);
	else
		REFUSE(manifest, at, err, "%s: this cannot be compared: %s; correct it", name, problem.text);
	return NULL;
}

static int check_object(const struct manifest *manifest, struct str object, struct error *err)
{
	if (!str_present(object))
		return 0;
	if (object.ptr[0] != '{')
		return REFUSE(manifest, object.ptr, err, "object: expected an object with fields of a Pod");
	json_t *value = read_json(manifest, object, "object", err);
	size_t count = json_object_size(value);
	json_decref(value);
	if (!value)
		return -1;
	return count ? 0
		     : REFUSE(manifest, object.ptr, err,
			      "object: {} compares nothing; add fields of the Pod, or remove `object`");
}

static int check_patch(const struct manifest *manifest, struct str patch, struct error *err)
{
	if (!str_present(patch))
		return 0;
	if (patch.ptr[0] != '[')
		return REFUSE(manifest, patch.ptr, err, "patch: expected the list of operations of a JSON Patch");
	json_t *value = read_json(manifest, patch, "patch", err);
	json_decref(value);
	return value ? 0 : -1;
}

static bool expects_decision(const struct suite_expect *expect)
{
	return expect->has_allowed || str_present(expect->pods) || expect->message.at || expect->has_warnings ||
	       str_present(expect->object) || str_present(expect->patch) || expect->charges.present;
}

static int check_expect(const struct manifest *manifest, const struct suite_step *step, enum step_verb verb,
			struct error *err)
{
	const struct suite_expect *expect = &step->expect;
	if (!expect->at || (!expects_decision(expect) && !expect->usage.present))
		return REFUSE(manifest, step->at, err,
			      "the step expects nothing; add `expect`, for example `expect: {allowed: true}`");
	if (!verbs[verb].creates && expects_decision(expect))
		return REFUSE(manifest, expect->at, err,
			      "nothing is admitted in a step with `%s`, so only `usage` can be expected of it",
			      verbs[verb].name);
	if (expect->usage.present && expect->usage.count == 0)
		return REFUSE(manifest, expect->at, err,
			      "usage: {} compares nothing; add a quota and its amount, or remove `usage`");
	if (check_object(manifest, expect->object, err) < 0 || check_patch(manifest, expect->patch, err) < 0)
		return -1;
	for (uint32_t i = 0; i < expect->warning_count; i++)
		if (check_text(manifest, &expect->warnings[i], err) < 0)
			return -1;
	return check_text(manifest, &expect->message, err);
}

static int check_verb(const struct manifest *manifest, const struct suite_step *step, enum step_verb verb,
		      struct error *err)
{
	const struct suite_pods *pods =
	    (const struct suite_pods *)(const void *)((const char *)step + verbs[verb].pods_offset);
	if (!verbs[verb].creates &&
	    (step->dry_run || str_present(step->namespace) || str_present(step->as.user) || step->as.groups.count))
		return REFUSE(manifest, step->at, err,
			      "dryRun, namespace and as belong to `create` and `file`, and not to `%s`; remove them",
			      verbs[verb].name);
	if (verb == STEP_CREATE && step->create.ptr[0] != '{')
		return REFUSE(manifest, step->create.ptr, err, "create: expected a Kubernetes object");
	if (!verbs[verb].pods_offset)
		return 0;
	if (pods->name.len == 0)
		return REFUSE(manifest, pods->at, err, "%s: the name of the Pod is missing; add `name`",
			      verbs[verb].name);
	if (verbs[verb].needs_node != (pods->node.len > 0))
		return REFUSE(manifest, pods->at, err, "%s: %s", verbs[verb].name,
			      verbs[verb].needs_node ? "the node is missing; add `node`"
						     : "a node means nothing here; remove `node`");
	return 0;
}

static int check_step(const struct manifest *manifest, const struct suite_step *step, struct error *err)
{
	int found = 0;
	if (!step->at) /* null */
		return error_set(err, "%.300s: a step is empty; remove it", manifest->file);
	for (int verb = 0; verb < STEP_VERBS; verb++)
		found += does(step, verb);
	if (found != 1)
		return REFUSE(manifest, step->at, err,
			      "a step does one thing: create, file, bind, finish, delete, or wait; this one does %s",
			      found ? "several, so make several steps of it" : "nothing, so add one of these");
	enum step_verb verb = suite_verb(step);
	return check_verb(manifest, step, verb, err) < 0 ? -1 : check_expect(manifest, step, verb, err);
}

static int check_given(const struct manifest *manifest, const struct suite *suite, struct error *err)
{
	const struct suite_given *given = &suite->spec.given;
	for (uint32_t i = 0; i < given->namespace_count + given->node_count; i++) {
		const struct suite_namespace *item =
		    i < given->namespace_count ? &given->namespaces[i] : &given->nodes[i - given->namespace_count];
		if (item->name.len == 0)
			return REFUSE(manifest, item->at ? item->at : suite->at, err,
				      "given: a namespace or node has no name; add `name`");
	}
	for (uint32_t i = 0; i < given->held_count; i++)
		if (given->held[i].namespace.len == 0 || given->held[i].requests.count == 0)
			return REFUSE(manifest, given->held[i].at ? given->held[i].at : suite->at, err,
				      "given: what is held needs `namespace` and `requests`; add both");
	return 0;
}

static int check_suite(const struct manifest *manifest, const struct suite *suite, struct error *err)
{
	if (!str_eq(suite->api_version, STR("gpugate.io/v1")))
		return REFUSE(manifest, suite->at, err, "apiVersion of a TestSuite is gpugate.io/v1; write that");
	if (suite->metadata.name.len == 0)
		return REFUSE(manifest, suite->at, err, "the suite has no name; add `metadata: {name: ...}`");
	if (suite->spec.step_count == 0)
		return REFUSE(manifest, suite->at, err,
			      "the suite has no steps, so it tests nothing; add `spec.steps`");
	if (check_given(manifest, suite, err) < 0)
		return -1;
	for (uint32_t i = 0; i < suite->spec.step_count; i++)
		if (check_step(manifest, &suite->spec.steps[i], err) < 0)
			return -1;
	return 0;
}

int suite_read(struct suite *suite, const struct manifest *manifest, const struct manifest_object *object,
	       struct arena *arena, struct error *err)
{
	struct reader reader;
	*suite = (struct suite){.at = object->json.ptr};
	if (!str_eq(object->kind, STR("TestSuite")))
		return REFUSE(manifest, object->json.ptr, err,
			      "expected `kind: TestSuite`; keep other objects in files of their own");
	reader_init(&reader, object->json.ptr, object->json.len, arena);
	if (reader_object(&reader, &suite_shape, suite) < 0) {
		reader_error(&reader, err);
		return manifest_explain(manifest, object, err);
	}
	return check_suite(manifest, suite, err);
}

char *suite_path(const struct manifest *manifest, struct str path)
{
	const char *file = manifest->file, *slash = strrchr(file, '/');
	char *whole;
	if (!slash || (path.len && path.ptr[0] == '/'))
		return str_dup(path);
	return asprintf(&whole, "%.*s/%.*s", (int)(slash - file), file, STR_ARG(path)) < 0 ? NULL : whole;
}
