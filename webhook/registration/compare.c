#include "webhook/registration/compare.h"

#include "gpugate/arena.h"
#include "webhook/registration/render.h"

#define ARENA_BYTES (4u << 20)
#define REMEDY "apply what `gpugate render` prints"

static const char *kind_of(bool mutating)
{
	return mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration";
}

static const char *endpoint_of(bool mutating)
{
	return mutating ? "/mutate" : "/validate";
}

/*
 * The fields that are compared. `fallback` is the API server's default for a missing field, as JSON
 * (admissionregistration/v1).
 */
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

/* The value of a field of a webhook, or its default. Returns new; NULL without memory. */
static json_t *field_of(const json_t *webhook, size_t field)
{
	json_t *value = json_object_get(webhook, fields[field].name);
	if (value && !json_is_null(value))
		return json_incref(value);
	return json_loads(fields[field].fallback, JSON_DECODE_ANY, NULL);
}

/* The webhook of that name, borrowed; NULL if there is none. */
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

/*
 * The name comes from the cluster and is not trusted: it is truncated, and unprintable characters
 * become "?".
 */
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

/* Returns 0, 1, or -1, like registration_compare. */
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

/*
 * The part of a URL from the last occurrence of `endpoint`, which is where the path begins, because
 * a secret contains no slash. NULL if there is none.
 */
static const char *path_of_url(const char *url, const char *endpoint)
{
	const char *path = NULL;
	for (const char *at = url; at && (at = strstr(at, endpoint)); at++)
		path = at;
	return path;
}

/*
 * The path at which the API server calls a webhook; NULL if there is none. The part of a URL before
 * the path is left out. Sets `*is_service` if the webhook is reached through a Service.
 */
static const char *path_of(const json_t *webhook, bool mutating, bool *is_service)
{
	const json_t *client = json_object_get(webhook, "clientConfig"), *service = json_object_get(client, "service");
	const char *url = json_string_value(json_object_get(client, "url"));
	*is_service = service != NULL;
	if (service)
		return json_string_value(json_object_get(service, "path"));
	return path_of_url(url, endpoint_of(mutating));
}

/*
 * Whether this replica serves the path that the API server calls. The path contains the secret, so
 * `why` does not show it.
 */
static int compare_path(const struct registration *registration, bool mutating, const json_t *there, char *why)
{
	bool is_service;
	const char *path = path_of(there, mutating, &is_service);
	struct str endpoint = str_of(endpoint_of(mutating));
	if (!json_object_get(there, "clientConfig"))
		return REGISTRATION_CURRENT;
	if (path && path_secret_admits(registration->secret, endpoint, str_of(path)))
		return REGISTRATION_CURRENT;
	snprintf(why, REGISTRATION_WHY_MAX,
		 "webhook %s in the %s " RENDER_NAME
		 " is asked at a path that this replica does not answer, since its path "
		 "secret is another one; " REMEDY " with the --path-secret that serve has, or give serve the one that "
		 "is registered",
		 json_string_value(json_object_get(there, "name")), kind_of(mutating));
	return is_service ? REGISTRATION_UNANSWERED : REGISTRATION_STALE;
}

static int compare_wanted(const struct registration *registration, bool mutating, const json_t *webhook,
			  const json_t *there, char *why)
{
	const char *kind = kind_of(mutating), *name = json_string_value(json_object_get(webhook, "name"));
	const json_t *found = find(there, name);
	if (found) {
		int result = compare_path(registration, mutating, found, why);
		return result != REGISTRATION_CURRENT ? result : compare_webhook(kind, webhook, found, why);
	}
	snprintf(why, REGISTRATION_WHY_MAX, "the %s " RENDER_NAME " lacks webhook %s, which this policy needs; " REMEDY,
		 kind, name);
	return REGISTRATION_STALE;
}

/*
 * This is checked before all other differences, because none of them may hide that the API server's
 * requests fail.
 */
static bool is_unanswered(const struct registration *registration, bool mutating, const json_t *wanted,
			  const json_t *there, char *why)
{
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(wanted, i), "name"));
		const json_t *found = find(there, name);
		if (found && compare_path(registration, mutating, found, why) == REGISTRATION_UNANSWERED)
			return true;
	}
	return false;
}

static int compare(const struct registration *registration, bool mutating, const json_t *wanted, const json_t *there,
		   char *why)
{
	if (is_unanswered(registration, mutating, wanted, there, why))
		return REGISTRATION_UNANSWERED;
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		int result = compare_wanted(registration, mutating, json_array_get(wanted, i), there, why);
		if (result != REGISTRATION_CURRENT)
			return result;
	}
	for (size_t i = 0; i < json_array_size(there); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(there, i), "name"));
		if (name && find(wanted, name))
			continue;
		say_unknown(kind_of(mutating), name, why);
		return REGISTRATION_STALE;
	}
	return REGISTRATION_CURRENT;
}

static json_t *render(const struct registration *registration, bool mutating)
{
	const struct render_target target = {.namespace = registration->namespace,
					     .cluster = registration->cluster,
					     .quota_failure = registration->quota_failure,
					     .guard_failure = registration->guard_failure};
	const struct policy *policy = registration->policy;
	struct arena arena;
	struct policy_scope scope;
	json_t *object = NULL;
	arena_init(&arena, 1 << 16, ARENA_BYTES);
	if (policy_scope(policy, &arena, &scope) == 0)
		object = mutating ? render_mutating(&target, &scope) : render_validating(&target, &scope, policy);
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
	int result = wanted ? compare(registration, mutating, json_object_get(wanted, "webhooks"),
				      json_object_get(there, "webhooks"), why)
			    : -1;
	json_decref(there);
	json_decref(wanted);
	return result < 0 ? error_set(err, "not enough memory to compare the %s", kind) : result;
}

void registration_missing(bool mutating, char why[static REGISTRATION_WHY_MAX])
{
	snprintf(why, REGISTRATION_WHY_MAX, "the cluster has no %s " RENDER_NAME "; " REMEDY, kind_of(mutating));
}
