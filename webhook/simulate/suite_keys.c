#include "webhook/simulate/suite_keys.h"

#include "webhook/simulate/suite.h"

/* For rows: the key, which is the member's name as well, and the function that reads it. */
#define ROW(type, member, function) FIELD_KEY(#member), .read = (function), .offset = offsetof(type, member)
#define STRINGS(type, member, number)                                                                                  \
	ROW(type, member, field_strings), .count = offsetof(type, number), .shape = &no_null
#define MAP(type, member, function) ROW(type, member, function), .shape = &no_null
#define LIST_OF(type, member, number, rows)                                                                            \
	FIELD_KEY(#member), .read = field_list, .offset = offsetof(type, member), .count = offsetof(type, number),     \
			    .shape = (rows)
#define OBJECT_OF(type, member, rows)                                                                                  \
	FIELD_KEY(#member), .read = field_object, .offset = offsetof(type, member), .shape = (rows)
/* The documentation of the key, and then other members of its struct field_schema. */
#define ABOUT(...)                                                                                                     \
	.schema = &(const struct field_schema)                                                                         \
	{                                                                                                              \
		.doc = __VA_ARGS__                                                                                     \
	}

#define STRICT(rows, type)                                                                                             \
	.fields = (rows), .count = sizeof(rows) / sizeof *(rows), .size = sizeof(type), .strict = true,                \
	.refuses_null = true
#define AT(type) .location = (1 + offsetof(type, at))

#define NOT_EMPTY_TEXT "{\"minLength\": 1}"
#define NOT_EMPTY_OBJECT "{\"minProperties\": 1}"
#define TIME                                                                                                           \
	"{\"pattern\": \"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$\"}"

/* --- Parts --- */

/* Of lists of texts and of maps, whose items are not null. */
static const struct shape no_null = {.refuses_null = true};

static const struct field text_fields[] = {
    {ROW(struct suite_text, exact, field_string), ABOUT("The whole text.")},
    {ROW(struct suite_text, contains, field_string), ABOUT("A part of the text.")},
    {ROW(struct suite_text, matches, field_string),
     ABOUT("A POSIX extended regular expression that a part of the text matches.")},
};
static const struct shape text_shape = {STRICT(text_fields, struct suite_text), AT(struct suite_text),
					.text = 1 + offsetof(struct suite_text, exact)};

static const struct field namespace_fields[] = {
    {ROW(struct suite_namespace, name, field_string),
     ABOUT("The name.", .required = true, .conditions = NOT_EMPTY_TEXT)},
    {MAP(struct suite_namespace, labels, field_pairs), ABOUT("The labels. Without this key, there are none.")},
};
static const struct shape namespace_shape = {STRICT(namespace_fields, struct suite_namespace),
					     AT(struct suite_namespace)};

static const struct field held_fields[] = {
    {ROW(struct suite_held, name, field_string),
     ABOUT("The name of the Pod, for steps that are about it. Without this key, no step can be.")},
    {ROW(struct suite_held, namespace, field_string),
     ABOUT("The namespace of the Pod.", .required = true, .conditions = NOT_EMPTY_TEXT)},
    {ROW(struct suite_held, node, field_string),
     ABOUT("The name of the node on which the Pod runs. Without this key, it has none yet.")},
    {MAP(struct suite_held, requests, field_quantities),
     ABOUT("The resources that the Pod holds, each with its amount.", .required = true,
	   .conditions = NOT_EMPTY_OBJECT)},
};
const struct shape suite_held_shape = {STRICT(held_fields, struct suite_held), AT(struct suite_held)};

static const struct field given_fields[] = {
    {LIST_OF(struct suite_given, namespaces, namespace_count, &namespace_shape),
     ABOUT("Namespaces that exist, with their labels. Others have those of the policy's own documents.")},
    {LIST_OF(struct suite_given, nodes, node_count, &namespace_shape),
     ABOUT("Nodes that exist, with their labels. Steps can bind Pods to them.")},
    {LIST_OF(struct suite_given, held, held_count, &suite_held_shape), ABOUT("Pods that hold quota.")},
    {STRINGS(struct suite_given, files, files.count),
     ABOUT("Files that list what exists, as for `gpugate explain --usage`. Paths are relative to the suite.")},
    {MAP(struct suite_given, usage, field_quantities),
     ABOUT(
	 "What quotas hold in addition: `tenant/quota` to an amount, such as `3` or `40Gi`. Each quota has the amount "
	 "that is written for it.")},
    {ROW(struct suite_given, time, field_string),
     ABOUT("When the suite begins, in RFC 3339, such as `2030-01-31T12:00:00Z`. The key `at` of steps needs it.",
	   .conditions = TIME)},
};
static const struct shape given_shape = {STRICT(given_fields, struct suite_given)};

/* --- Steps --- */

#define PODS_ROWS                                                                                                      \
	{ROW(struct suite_pods, name, field_string),                                                                   \
	 ABOUT("The name of a Pod, or of the object that Pods were made from.", .required = true,                      \
	       .conditions = NOT_EMPTY_TEXT)},                                                                         \
	    {ROW(struct suite_pods, namespace, field_string),                                                          \
	     ABOUT("The namespace of the Pods. Without this key, it is `default`.")},                                  \
	    {ROW(struct suite_pods, count, field_whole),                                                               \
	     ABOUT("How many of the Pods, the oldest first. Without this key, all.", .least = 1, .most = INT32_MAX)},

static const struct field pods_fields[] = {PODS_ROWS};
static const struct shape pods_shape = {STRICT(pods_fields, struct suite_pods), AT(struct suite_pods)};

static const struct field bind_fields[] = {
    PODS_ROWS{ROW(struct suite_pods, node, field_string), ABOUT("The node, which `given` or a Node in a file names.",
								.required = true, .conditions = NOT_EMPTY_TEXT)},
};
static const struct shape bind_shape = {STRICT(bind_fields, struct suite_pods), AT(struct suite_pods)};

static const struct field scale_fields[] = {
    {ROW(struct suite_scale, name, field_string),
     ABOUT("The name of a Deployment, ReplicaSet, StatefulSet, or ReplicationController that an earlier step creates.",
	   .required = true, .conditions = NOT_EMPTY_TEXT)},
    {ROW(struct suite_scale, namespace, field_string),
     ABOUT("The namespace of the object. Without this key, it is `default`.")},
    {ROW(struct suite_scale, replicas, field_whole),
     ABOUT("The number of Pods that the object then has.", .required = true, .most = STEP_PODS_MAX)},
};
static const struct shape scale_shape = {STRICT(scale_fields, struct suite_scale), AT(struct suite_scale)};

static const struct field user_fields[] = {
    {ROW(struct suite_user, user, field_string),
     ABOUT("The name of the user.", .required = true, .conditions = NOT_EMPTY_TEXT)},
    {STRINGS(struct suite_user, groups, groups.count), ABOUT("The groups of the user.")},
};
static const struct shape user_shape = {STRICT(user_fields, struct suite_user), AT(struct suite_user)};

static const struct field expect_fields[] = {
    {ROW(struct suite_expect, allowed, field_bool), FIELD_FLAG(struct suite_expect, has_allowed),
     ABOUT("Whether all Pods are admitted.")},
    {ROW(struct suite_expect, pods, field_whole), ABOUT("How many Pods are admitted.", .most = INT32_MAX)},
    {OBJECT_OF(struct suite_expect, message, &text_shape),
     ABOUT("The sentence of the refusal. A text is compared as a whole.")},
    {LIST_OF(struct suite_expect, warnings, warning_count, &text_shape), FIELD_FLAG(struct suite_expect, has_warnings),
     ABOUT("All warnings, in their order. An empty list means none.")},
    {ROW(struct suite_expect, object, field_json),
     ABOUT("Fields of the Pod after its mutation. It may have others; lists must have the same length.",
	   .conditions = "{\"type\": \"object\", \"minProperties\": 1}")},
    {ROW(struct suite_expect, patch, field_json),
     ABOUT("The JSON Patch of `/mutate`, exactly.", .conditions = "{\"type\": \"array\"}")},
    {MAP(struct suite_expect, charges, field_quantities),
     ABOUT("What the Pod costs in each quota, exactly: `tenant/quota` to an amount as messages print it. `{}` means "
	   "nothing.")},
    {MAP(struct suite_expect, usage, field_quantities),
     ABOUT("What these quotas hold after the step, pending amounts included: `tenant/quota` to an amount as messages "
	   "print it.",
	   .conditions = NOT_EMPTY_OBJECT)},
};
const struct shape suite_expect_shape = {STRICT(expect_fields, struct suite_expect), AT(struct suite_expect)};

static const struct field step_fields[] = {
    {ROW(struct suite_step, name, field_string), ABOUT("The name of the step, for people and for `--run`.")},
    {ROW(struct suite_step, create, field_json),
     ABOUT("Sends an object of any kind that `gpugate explain` reads to the webhook.",
	   .conditions = "{\"type\": \"object\"}")},
    {ROW(struct suite_step, file, field_string),
     ABOUT("Sends all objects of a file to the webhook. The path is relative to the suite.")},
    {OBJECT_OF(struct suite_step, scale, &scale_shape),
     ABOUT("Gives an object that a step has created another number of Pods.")},
    {OBJECT_OF(struct suite_step, bind, &bind_shape), ABOUT("The scheduler binds Pods to a node.")},
    {OBJECT_OF(struct suite_step, finish, &pods_shape), ABOUT("Pods succeed, and hold nothing from then on.")},
    {OBJECT_OF(struct suite_step, delete, &pods_shape), ABOUT("Pods are gone.")},
    {ROW(struct suite_step, wait, field_whole), ABOUT("That many seconds pass.", .most = STEP_SECONDS_MAX)},
    {FIELD_KEY("at"), .read = field_string, .offset = offsetof(struct suite_step, time),
     ABOUT("The clock advances to this time in RFC 3339 before the step begins.", .conditions = TIME)},
    {FIELD_KEY("dryRun"), .read = field_bool, .offset = offsetof(struct suite_step, dry_run),
     ABOUT("The API server stores nothing, and nothing holds quota after the step.")},
    {ROW(struct suite_step, stored, field_bool), FIELD_FLAG(struct suite_step, has_stored),
     ABOUT("`false`: another admission plug-in refuses the Pods later, so those that are admitted are never stored. "
	   "What they request is pending for 40 seconds.")},
    {ROW(struct suite_step, namespace, field_string),
     ABOUT("The namespace of objects that name none. Without this key, it is `default`.")},
    {OBJECT_OF(struct suite_step, as, &user_shape),
     ABOUT("Who creates the objects. Without this key, it is who creates such Pods in `gpugate explain`.")},
    {OBJECT_OF(struct suite_step, expect, &suite_expect_shape),
     ABOUT("What the step must bring about.", .required = true, .conditions = NOT_EMPTY_OBJECT)},
};
const struct shape suite_step_shape = {STRICT(step_fields, struct suite_step), AT(struct suite_step)};

const struct suite_verb suite_verbs[STEP_VERBS] = {
    [STEP_CREATE] = {"create", offsetof(struct suite_step, create), .creates = true, .owns = true},
    [STEP_FILE] = {"file", offsetof(struct suite_step, file), .creates = true, .owns = true},
    [STEP_SCALE] = {"scale", offsetof(struct suite_step, scale), .creates = true},
    [STEP_BIND] = {"bind", offsetof(struct suite_step, bind), .pods_offset = offsetof(struct suite_step, bind)},
    [STEP_FINISH] = {"finish", offsetof(struct suite_step, finish), .pods_offset = offsetof(struct suite_step, finish)},
    [STEP_DELETE] = {"delete", offsetof(struct suite_step, delete), .pods_offset = offsetof(struct suite_step, delete)},
    [STEP_WAIT] = {"wait", offsetof(struct suite_step, wait)},
};

/* --- The document --- */

static const struct field spec_fields[] = {
    {FIELD_KEY("policy"), .read = field_string, .offset = offsetof(struct suite, spec.policy),
     ABOUT("The file or folder of the policy, relative to the suite. Without this key, it is that of `--policy`.")},
    {FIELD_KEY("given"), .read = field_object, .offset = offsetof(struct suite, spec.given), .shape = &given_shape,
     ABOUT("What there is before the first step.")},
    {FIELD_KEY("steps"), .read = field_list, .offset = offsetof(struct suite, spec.steps),
     .count = offsetof(struct suite, spec.step_count), .shape = &suite_step_shape,
     ABOUT("What happens, in this order. Each step does one thing.", .required = true,
	   .conditions = "{\"minItems\": 1}")},
};
static const struct shape spec_shape = {STRICT(spec_fields, struct suite)};

static const struct field metadata_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct suite, metadata.name),
     ABOUT("The name of the suite, for people and for `--run`.", .required = true, .conditions = NOT_EMPTY_TEXT)},
};
static const struct shape metadata_shape = {STRICT(metadata_fields, struct suite)};

static const struct field suite_fields[] = {
    {FIELD_KEY("apiVersion"), .read = field_string, .offset = offsetof(struct suite, api_version),
     ABOUT("`gpugate.io/v1`.", .required = true)},
    {ROW(struct suite, kind, field_string), ABOUT("`TestSuite`.", .required = true)},
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape,
     ABOUT("The name of the suite.", .required = true)},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape, ABOUT("The tests.", .required = true)},
};
const struct shape suite_shape = {STRICT(suite_fields, struct suite), AT(struct suite)};
