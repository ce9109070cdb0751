#include "webhook/simulate/suite_check.h"

#include <regex.h>
#include <stdio.h>

#include <jansson.h>

#include "webhook/json/time.h"
#include "webhook/simulate/suite_strays.h"

#define REFUSE(manifest, at, err, ...) (error_set((err), __VA_ARGS__), suite_error_at((manifest), (at), (err)))

static bool does(const struct suite_step *step, int verb)
{
	const char *at;
	memcpy(&at, (const char *)step + suite_verbs[verb].offset, sizeof at);
	return at != NULL;
}

enum step_verb suite_verb(const struct suite_step *step)
{
	int verb = 0;
	while (verb < STEP_VERBS - 1 && !does(step, verb))
		verb++;
	return (enum step_verb)verb;
}

int64_t suite_number(struct str text)
{
	int64_t number = 0;
	quantity_count(text, &number);
	return number;
}

enum quantity_result suite_amount(struct str text, struct quantity *amount)
{
	enum quantity_result result = text.len ? quantity_parse(text, amount) : QUANTITY_SYNTAX;
	return result == QUANTITY_OK && amount->nano < 0 ? QUANTITY_NEGATIVE : result;
}

static int check_amounts(const struct manifest *manifest, const struct pairs *amounts, const char *otherwise,
			 struct error *err)
{
	for (uint32_t i = 0; i < amounts->count; i++) {
		struct quantity amount;
		const struct pair *pair = &amounts->items[i];
		enum quantity_result result = suite_amount(pair->value, &amount);
		if (result != QUANTITY_OK)
			return REFUSE(manifest, suite_place(manifest, pair->value, otherwise), err,
				      "\"%.*s\" %s; write an amount, such as 3, 6.5, or 40Gi",
				      (int)(pair->value.len < 64 ? pair->value.len : 64), pair->value.ptr,
				      quantity_problem(result));
	}
	return 0;
}

int suite_time(const struct manifest *manifest, struct str text, const char *otherwise, int64_t *ms, struct error *err)
{
	const char *at = suite_place(manifest, text, otherwise);
	if (!time_parse(text, ms))
		return REFUSE(manifest, at, err,
			      "\"%.*s\" is not a time of RFC 3339; write one such as 2030-01-31T12:00:00Z",
			      (int)(text.len < 64 ? text.len : 64), text.ptr);
	if (*ms <= 0)
		return REFUSE(manifest, at, err, "\"%.*s\" is not after 1970; write a later time", STR_ARG(text));
	return 0;
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
	if (text->matches.len >= sizeof pattern)
		return REFUSE(manifest, text->at, err,
			      "matches: the regular expression has more than %zu bytes; shorten it",
			      sizeof pattern - 1);
	if (memchr(text->matches.ptr, '\0', text->matches.len))
		return REFUSE(manifest, text->at, err, "matches: the regular expression has a NUL; remove it");
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
	if (suite_check_strays(manifest, STRAY_OBJECT, object, err) < 0)
		return -1;
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
		return REFUSE(manifest, step->at, err, "the step expects nothing; write, for example, `expect: {%s}`",
			      suite_verbs[verb].creates ? "allowed: true" : "usage: {TENANT/QUOTA: 0}");
	if (!suite_verbs[verb].creates && expects_decision(expect))
		return REFUSE(manifest, expect->at, err,
			      "nothing is admitted in a step with `%s`, so only `usage` can be expected of it",
			      suite_verbs[verb].name);
	if (expect->usage.present && expect->usage.count == 0)
		return REFUSE(manifest, expect->at, err,
			      "usage: {} compares nothing; add a quota and its amount, or remove `usage`");
	if (check_object(manifest, expect->object, err) < 0 || check_patch(manifest, expect->patch, err) < 0)
		return -1;
	for (uint32_t i = 0; i < expect->warning_count; i++)
		if (check_text(manifest, &expect->warnings[i], err) < 0)
			return -1;
	return check_amounts(manifest, &expect->charges, expect->at, err) < 0 ||
		       check_amounts(manifest, &expect->usage, expect->at, err) < 0
		   ? -1
		   : check_text(manifest, &expect->message, err);
}

static int check_scale(const struct manifest *manifest, const struct suite_scale *scale, struct error *err)
{
	if (scale->name.len == 0)
		return REFUSE(manifest, scale->at, err,
			      "scale: the name of the object is missing; add `name`, as in the step that created it");
	if (!str_present(scale->replicas))
		return REFUSE(manifest, scale->at, err,
			      "scale: the number of Pods is missing; add `replicas`, such as `replicas: 2`");
	return 0;
}

static int check_time(const struct manifest *manifest, const struct suite *suite, const struct suite_step *step,
		      struct error *err)
{
	int64_t ms;
	if (!str_present(step->time))
		return 0;
	if (!str_present(suite->spec.given.time))
		return REFUSE(manifest, suite_place(manifest, step->time, step->at), err,
			      "at: the suite does not say when it begins; add `given.time`");
	if (str_present(step->wait))
		return REFUSE(manifest, step->at, err, "`wait` and `at` both say when; remove one of them");
	return suite_time(manifest, step->time, step->at, &ms, err);
}

/*
 * Refuses what says whose the objects are, in a step that creates none. Most such verbs have a
 * namespace within.
 */
static int check_owner(const struct manifest *manifest, const struct suite_step *step, enum step_verb verb,
		       struct error *err)
{
	const char *name = suite_verbs[verb].name;
	if (step->as.at)
		return REFUSE(manifest, step->as.at, err,
			      "as belongs to `create` and `file`, and not to `%s`; remove it", name);
	if (!str_present(step->namespace))
		return 0;
	const char *at = suite_place(manifest, step->namespace, step->at);
	if (verb == STEP_WAIT)
		return REFUSE(manifest, at, err, "namespace belongs to `create` and `file`, and not to `%s`; remove it",
			      name);
	return REFUSE(manifest, at, err,
		      "beside `%s`, namespace means nothing; write it within `%s`, if it is another than `default`",
		      name, name);
}

static int check_verb(const struct manifest *manifest, const struct suite_step *step, enum step_verb verb,
		      struct error *err)
{
	const struct suite_pods *pods =
	    (const struct suite_pods *)(const void *)((const char *)step + suite_verbs[verb].pods_offset);
	if (step->dry_run && !suite_verbs[verb].creates)
		return REFUSE(manifest, step->at, err,
			      "dryRun belongs to `create`, `file`, and `scale`, and not to `%s`; remove it",
			      suite_verbs[verb].name);
	if (step->has_stored && !suite_verbs[verb].creates)
		return REFUSE(manifest, step->at, err,
			      "stored belongs to `create`, `file`, and `scale`, and not to `%s`; remove it",
			      suite_verbs[verb].name);
	if (step->has_stored && step->dry_run)
		return REFUSE(manifest, step->at, err, "a dry run stores nothing; remove `stored` or `dryRun`");
	if (!suite_verbs[verb].owns && check_owner(manifest, step, verb, err) < 0)
		return -1;
	if (step->as.at && step->as.user.len == 0)
		return REFUSE(manifest, step->as.at, err, "as: the name of the user is missing; add `user`");
	if (verb == STEP_SCALE)
		return check_scale(manifest, &step->scale, err);
	if (verb == STEP_CREATE && step->create.ptr[0] != '{')
		return REFUSE(manifest, step->create.ptr, err, "create: expected a Kubernetes object");
	if (verb == STEP_CREATE && suite_check_strays(manifest, STRAY_CREATE, step->create, err) < 0)
		return -1;
	if (!suite_verbs[verb].pods_offset)
		return 0;
	if (pods->name.len == 0)
		return REFUSE(manifest, pods->at, err, "%s: the name of the Pod is missing; add `name`",
			      suite_verbs[verb].name);
	if (verb == STEP_BIND && pods->node.len == 0)
		return REFUSE(manifest, pods->at, err, "bind: the node is missing; add `node`");
	return 0;
}

static int check_step(const struct manifest *manifest, const struct suite *suite, const struct suite_step *step,
		      struct error *err)
{
	int found = 0;
	for (int verb = 0; verb < STEP_VERBS; verb++)
		found += does(step, verb);
	if (found != 1)
		return REFUSE(
		    manifest, step->at, err,
		    "a step does one thing: create, file, scale, bind, finish, delete, or wait; this one does %s",
		    found ? "several, so make several steps of it" : "nothing, so add one of these");
	enum step_verb verb = suite_verb(step);
	return check_verb(manifest, step, verb, err) < 0 || check_time(manifest, suite, step, err) < 0
		   ? -1
		   : check_expect(manifest, step, verb, err);
}

static int check_given(const struct manifest *manifest, const struct suite *suite, struct error *err)
{
	const struct suite_given *given = &suite->spec.given;
	for (uint32_t i = 0; i < given->namespace_count + given->node_count; i++) {
		bool node = i >= given->namespace_count;
		const struct suite_namespace *item =
		    node ? &given->nodes[i - given->namespace_count] : &given->namespaces[i];
		if (item->name.len == 0)
			return REFUSE(manifest, item->at, err, "given: this %s has no name; add `name`",
				      node ? "node" : "namespace");
	}
	for (uint32_t i = 0; i < given->held_count; i++) {
		const struct suite_held *held = &given->held[i];
		if (held->namespace.len == 0)
			return REFUSE(manifest, held->at, err,
				      "given.held: the namespace of the Pod is missing; add `namespace`");
		if (held->requests.count == 0)
			return REFUSE(manifest, held->at, err,
				      "given.held: what the Pod requests is missing; add `requests`");
		if (suite_check_stray_pairs(manifest, STRAY_REQUESTS, &held->requests, held->at, err) < 0 ||
		    check_amounts(manifest, &held->requests, held->at, err) < 0)
			return -1;
	}
	int64_t ms;
	return str_present(given->time) ? suite_time(manifest, given->time, suite->at, &ms, err) : 0;
}

int suite_check(const struct manifest *manifest, const struct suite *suite, struct error *err)
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
		if (check_step(manifest, suite, &suite->spec.steps[i], err) < 0)
			return -1;
	return 0;
}
