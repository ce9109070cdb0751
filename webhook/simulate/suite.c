#include "webhook/simulate/suite.h"

#include <stdio.h>

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
    {ROW(struct suite_given, usage, field_quantities)},
    {ROW(struct suite_given, time, field_string)},
};
static const struct shape given_shape = {STRICT(given_fields, struct suite_given)};

static const struct field pods_fields[] = {
    {ROW(struct suite_pods, name, field_string)},
    {ROW(struct suite_pods, namespace, field_string)},
    {ROW(struct suite_pods, node, field_string)},
    {ROW(struct suite_pods, count, field_number)},
};
static const struct shape pods_shape = {STRICT(pods_fields, struct suite_pods), AT(struct suite_pods)};

static const struct field scale_fields[] = {
    {ROW(struct suite_scale, name, field_string)},
    {ROW(struct suite_scale, namespace, field_string)},
    {ROW(struct suite_scale, replicas, field_number)},
};
static const struct shape scale_shape = {STRICT(scale_fields, struct suite_scale), AT(struct suite_scale)};

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
    {OBJECT_OF(struct suite_step, scale, &scale_shape)},
    {OBJECT_OF(struct suite_step, bind, &pods_shape)},
    {OBJECT_OF(struct suite_step, finish, &pods_shape)},
    {OBJECT_OF(struct suite_step, delete, &pods_shape)},
    {ROW(struct suite_step, wait, field_number)},
    {FIELD_KEY("at"), .read = field_string, .offset = offsetof(struct suite_step, time)},
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

/* --- Reading --- */

int suite_error_at(const struct manifest *manifest, const char *at, struct error *err)
{
	struct manifest_location location = manifest_location(manifest, at);
	return error_wrap(err, "%.300s:%u:%u", manifest->file, location.line, location.column);
}

const char *suite_place(const struct manifest *manifest, struct str text, const char *otherwise)
{
	struct str all = buf_view(&manifest->text);
	uintptr_t at = (uintptr_t)text.ptr, begin = (uintptr_t)all.ptr;
	if (!str_present(text) || at <= begin || at - begin >= all.len)
		return otherwise;
	return text.ptr[-1] == '"' ? text.ptr - 1 : text.ptr;
}

int suite_read(struct suite *suite, const struct manifest *manifest, const struct manifest_object *object,
	       struct arena *arena, struct error *err)
{
	struct reader reader;
	*suite = (struct suite){.at = object->json.ptr};
	if (!str_eq(object->kind, STR("TestSuite"))) {
		error_set(err, "expected `kind: TestSuite`; keep other objects in files of their own");
		return suite_error_at(manifest, object->json.ptr, err);
	}
	reader_init(&reader, object->json.ptr, object->json.len, arena);
	if (reader_object(&reader, &suite_shape, suite) < 0) {
		reader_error(&reader, err);
		return manifest_explain(manifest, object, err);
	}
	return 0;
}

char *suite_path(const struct manifest *manifest, struct str path)
{
	const char *file = manifest->file, *slash = strrchr(file, '/');
	char *whole;
	if (str_eq(path, STR("-")))
		path = STR("./-");
	if (!slash || (path.len && path.ptr[0] == '/'))
		return str_dup(path);
	return asprintf(&whole, "%.*s/%.*s", (int)(slash - file), file, STR_ARG(path)) < 0 ? NULL : whole;
}
