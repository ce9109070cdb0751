#include "webhook/simulate/expect.h"

#include <regex.h>
#include <stdlib.h>

#include "webhook/json/text.h"
#include "webhook/simulate/difference.h"
#include "webhook/simulate/suite_check.h"

void outcome_release(struct outcome *outcome)
{
	json_decref(outcome->message);
	json_decref(outcome->warnings);
	json_decref(outcome->object);
	json_decref(outcome->patch);
	json_decref(outcome->charges);
	*outcome = (struct outcome){0};
}

/* --- Texts --- */

static bool matches(struct str pattern, const char *text)
{
	regex_t regex;
	char *copy = str_dup(pattern);
	bool found = false;
	/* suite_read has compiled it once, so only memory can be missing. */
	if (copy && regcomp(&regex, copy, REG_EXTENDED | REG_NOSUB) == 0) {
		found = regexec(&regex, text, 0, NULL, 0) == 0;
		regfree(&regex);
	}
	free(copy);
	return found;
}

static bool contains(struct str part, struct str text)
{
	return part.len == 0 || memmem(text.ptr, text.len, part.ptr, part.len);
}

/* New. */
static json_t *described(const char *how, struct str text)
{
	struct buf buf;
	buf_init(&buf, strlen(how) + text.len + 1);
	buf_text(&buf, how);
	buf_str(&buf, text);
	json_t *value = buf.failed ? json_string(how) : json_text(buf_view(&buf));
	buf_release(&buf);
	return value;
}

/* `actual` is a string, or something else if there is no text. */
static void compare_text(const char *what, const struct suite_text *expected, json_t *actual, json_t *differences)
{
	const char *text = json_string_value(actual);
	struct str found = {text, json_string_length(actual)};
	json_t *shown = text ? actual : json_null();
	if (str_present(expected->exact) && (!text || !str_eq(expected->exact, found)))
		difference_add(differences, what, json_text(expected->exact), json_incref(shown));
	if (str_present(expected->contains) && (!text || !contains(expected->contains, found)))
		difference_add(differences, what, described("a text with ", expected->contains), json_incref(shown));
	if (str_present(expected->matches) && (!text || !matches(expected->matches, text)))
		difference_add(differences, what, described("a text like ", expected->matches), json_incref(shown));
}

static void compare_warnings(const struct suite_expect *expect, const struct outcome *outcome, json_t *differences)
{
	size_t count = json_array_size(outcome->warnings);
	for (uint32_t i = 0; i < expect->warning_count; i++) {
		char what[32];
		snprintf(what, sizeof what, "warnings[%u]", i);
		compare_text(what, &expect->warnings[i], json_array_get(outcome->warnings, i), differences);
	}
	for (size_t i = expect->warning_count; i < count; i++) {
		char what[32];
		snprintf(what, sizeof what, "warnings[%zu]", i);
		difference_add(differences, what, json_null(), json_incref(json_array_get(outcome->warnings, i)));
	}
}

/* --- Amounts --- */

/* Amounts by the names of quotas. `exhaustive`: what is not expected must not be there. */
static void compare_amounts(const char *what, const struct pairs *expected, json_t *actual, bool exhaustive,
			    json_t *differences)
{
	json_t *wanted = json_object();
	for (uint32_t i = 0; i < expected->count; i++)
		if (json_object_setn_new(wanted, expected->items[i].key.ptr, expected->items[i].key.len,
					 json_text(expected->items[i].value)) < 0)
			difference_add(differences, what, json_text(expected->items[i].value), json_null());
	difference_find(what, wanted, actual, exhaustive, differences);
	json_decref(wanted);
}

/* What all quotas hold, pending amounts included. New. */
static json_t *usage_of(const struct policy *policy, const struct simulation *simulation)
{
	const struct held *held = ledger_held(simulation_ledger(simulation));
	json_t *usage = json_object();
	struct buf text;
	buf_init(&text, 4096);
	for (uint32_t i = 0; i < policy_quota_count(policy); i++) {
		struct quota_view quota;
		policy_quota(policy, i, &quota);
		buf_reset(&text);
		buf_printf(&text, "%.*s/%.*s", STR_ARG(quota.tenant), STR_ARG(quota.name));
		size_t key = text.len;
		amount_print(held[i].used + held[i].pending, policy_unit(policy), quota.measure, &text);
		if (!text.failed)
			json_object_setn_new(usage, text.ptr, key, json_stringn(text.ptr + key, text.len - key));
	}
	buf_release(&text);
	return usage;
}

/* --- All --- */

static json_t *parse(struct str json)
{
	return json_loadb(json.ptr, json.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
}

static void compare_tree(const char *what, struct str expected, json_t *actual, bool exhaustive, json_t *differences)
{
	json_t *wanted = parse(expected);
	if (wanted)
		difference_find(what, wanted, actual, exhaustive, differences);
	else
		difference_add(differences, what, json_string("JSON that can be read"), json_null());
	json_decref(wanted);
}

void expect_compare(const struct suite_expect *expect, const struct outcome *outcome, const struct policy *policy,
		    const struct simulation *simulation, json_t *differences)
{
	if (expect->has_allowed && expect->allowed != outcome->allowed)
		difference_add(differences, "allowed", json_boolean(expect->allowed), json_boolean(outcome->allowed));
	if (str_present(expect->pods)) {
		json_t *expected = json_integer(suite_number(expect->pods)), *actual = json_integer(outcome->admitted);
		difference_find("pods", expected, actual, true, differences);
		json_decref(expected);
		json_decref(actual);
	}
	bool unexpected = expect->allowed || (!expect->has_allowed && json_array_size(differences));
	if (expect->message.at)
		compare_text("message", &expect->message, outcome->message, differences);
	else if (unexpected && !outcome->allowed && json_is_string(outcome->message))
		difference_add(differences, "message", json_null(), json_incref(outcome->message));
	if (expect->has_warnings)
		compare_warnings(expect, outcome, differences);
	if (str_present(expect->object))
		compare_tree("object", expect->object, outcome->object, false, differences);
	if (str_present(expect->patch))
		compare_tree("patch", expect->patch, outcome->patch, true, differences);
	if (expect->charges.present)
		compare_amounts("charges", &expect->charges, outcome->charges, true, differences);
	if (expect->usage.present) {
		json_t *usage = usage_of(policy, simulation);
		compare_amounts("usage", &expect->usage, usage, false, differences);
		json_decref(usage);
	}
}
