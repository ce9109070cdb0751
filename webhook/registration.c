#include "webhook/registration.h"

#include "webhook/render.h"

#define ARENA_BYTES (4u << 20)
#define REMEDY "apply what `gpugate render` prints"

static const char *kind_of(bool mutating)
{
	return mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration";
}

/* What decides. `fallback`: what the API server takes where the field is missing (admissionregistration/v1), as JSON. */
static const struct {
	const char *name, *fallback;
} fields[] = {
    {"admissionReviewVersions", "[]"},
    {"failurePolicy", "\"Fail\""},
    {"matchConditions", "[]"},
    {"matchPolicy", "\"Equivalent\""},
    {"namespaceSelector", "{}"},
    {"objectSelector", "{}"},
    {"reinvocationPolicy", "\"Never\""},
    {"rules", "[]"},
    {"sideEffects", "\"\""},
};

/* A field of a webhook, or its default. Returns new; NULL without memory. */
static json_t *field_of(const json_t *webhook, size_t field)
{
	json_t *value = json_object_get(webhook, fields[field].name);
	if (value && !json_is_null(value))
		return json_incref(value);
	return json_loads(fields[field].fallback, JSON_DECODE_ANY, NULL);
}

/* The webhook of that name, borrowed; NULL: none. */
static json_t *find(const json_t *webhooks, const char *name)
{
	for (size_t i = 0; i < json_array_size(webhooks); i++) {
		json_t *webhook = json_array_get(webhooks, i);
		const char *other = json_string_value(json_object_get(webhook, "name"));
		if (other && strcmp(other, name) == 0)
			return webhook;
	}
	return NULL;
}

/* Names of others are shown as far as they are harmless. */
static void say_unknown(const char *kind, const char *name, char *why)
{
	char shown[80];
	size_t len = 0;
	for (; name && name[len] && len < sizeof shown - 1; len++)
		shown[len] = name[len] > ' ' && (unsigned char)name[len] < 0x7f ? name[len] : '?';
	shown[len] = '\0';
	snprintf(why, REGISTRATION_WHY_MAX,
		 "the %s " RENDER_NAME " has a webhook %s that this policy does not need; " REMEDY, kind, shown);
}

/* Returns as registration_compare. */
static int compare_webhook(const char *kind, const json_t *wanted, const json_t *there, char *why)
{
	const char *name = json_string_value(json_object_get(wanted, "name"));
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		json_t *a = field_of(wanted, i), *b = field_of(there, i);
		bool memory = a && b, same = memory && json_equal(a, b);
		json_decref(a);
		json_decref(b);
		if (!memory)
			return -1;
		if (same)
			continue;
		snprintf(why, REGISTRATION_WHY_MAX,
			 "%s of webhook %s in the %s " RENDER_NAME " is not what this policy needs; " REMEDY,
			 fields[i].name, name, kind);
		return 1;
	}
	return 0;
}

static int compare(const char *kind, const json_t *wanted, const json_t *there, char *why)
{
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		const json_t *webhook = json_array_get(wanted, i);
		const char *name = json_string_value(json_object_get(webhook, "name"));
		const json_t *found = find(there, name);
		if (!found) {
			snprintf(why, REGISTRATION_WHY_MAX,
				 "the %s " RENDER_NAME " lacks webhook %s, which this policy needs; " REMEDY, kind,
				 name);
			return 1;
		}
		int result = compare_webhook(kind, webhook, found, why);
		if (result != 0)
			return result;
	}
	for (size_t i = 0; i < json_array_size(there); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(there, i), "name"));
		if (name && find(wanted, name))
			continue;
		say_unknown(kind, name, why);
		return 1;
	}
	return 0;
}

static json_t *render(const struct registration *registration, bool mutating)
{
	const struct render_target target = {.namespace = registration->namespace, .cluster = registration->cluster};
	const struct policy *policy = registration->policy;
	struct arena arena;
	struct reach reach;
	json_t *object = NULL;
	arena_init(&arena, 1 << 16, ARENA_BYTES);
	if (policy_reach(policy, &arena, &reach) == 0)
		object = mutating ? render_mutating(&target, &reach) : render_validating(&target, &reach, policy);
	arena_release(&arena);
	return object;
}

int registration_compare(const struct registration *registration, bool mutating, struct str json,
			 char why[static REGISTRATION_WHY_MAX], struct error *err)
{
	const char *kind = kind_of(mutating);
	json_error_t problem;
	json_t *there = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &problem);
	const char *found = json_string_value(json_object_get(there, "kind"));
	if (!there)
		return error_set(err, "the %s cannot be read: %s (byte %d)", kind, problem.text, problem.position);
	if (found && strcmp(found, kind) != 0) {
		json_decref(there);
		return error_set(err, "a %s was expected, and another kind was found", kind);
	}
	json_t *wanted = render(registration, mutating);
	int result =
	    wanted ? compare(kind, json_object_get(wanted, "webhooks"), json_object_get(there, "webhooks"), why) : -1;
	json_decref(there);
	json_decref(wanted);
	return result < 0 ? error_set(err, "not enough memory to compare the %s", kind) : result;
}

void registration_missing(bool mutating, char why[static REGISTRATION_WHY_MAX])
{
	snprintf(why, REGISTRATION_WHY_MAX, "the cluster has no %s " RENDER_NAME "; " REMEDY, kind_of(mutating));
}
