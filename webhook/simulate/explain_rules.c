/* Prints Rules and changes. */
#include <stdlib.h>

#include "webhook/simulate/explain_text.h"

/* --- Rules --- */

/* Prints what a selector, or a list of tenants or namespaces, requires, and what was found. */
static void print_wanted(struct printer *p, const json_t *rule)
{
	const json_t *wanted = json_object_get(rule, "wanted");
	buf_printf(p->out, ": match.%s requires ", tree_get(rule, "condition"));
	print_plain(p, tree_get(rule, "key"));
	if (tree_has(rule, "operator"))
		buf_printf(p->out, " %s", tree_get(rule, "operator"));
	if (json_array_size(wanted))
		print_list(p, wanted, tree_has(rule, "operator") ? " [" : "one of [", "]");
	if (!tree_has(rule, "found")) {
		buf_text(p->out, ", and there is none");
		return;
	}
	buf_text(p->out, ", and it is \"");
	print_plain(p, tree_get(rule, "found"));
	buf_char(p->out, '"');
}

static void print_range(struct printer *p, const json_t *rule)
{
	buf_printf(p->out, ": match.requests requires ");
	if (!json_object_get(rule, "max"))
		buf_printf(p->out, "at least %lld", tree_number(rule, "min"));
	else if (tree_number(rule, "min") == tree_number(rule, "max"))
		buf_printf(p->out, "%lld", tree_number(rule, "min"));
	else
		buf_printf(p->out, "%lld to %lld", tree_number(rule, "min"), tree_number(rule, "max"));
	buf_printf(p->out, " of %s, and the Pod requests %lld", tree_get(rule, "key"), tree_number(rule, "asked"));
}

static void print_rewrite(struct printer *p, const json_t *rule)
{
	if (tree_number(rule, "asked"))
		buf_printf(p->out, ": it rewrites %s by the memory that the Pod says it needs, and the Pod says none",
			   tree_get(rule, "key"));
	else
		buf_printf(p->out, ": it rewrites %s, which the Pod does not request", tree_get(rule, "key"));
}

static void print_max(struct printer *p, const json_t *rule)
{
	(void)rule;
	buf_text(p->out, ": a container requests more than maxPerContainer, so the Pod keeps what it requests");
}

static void print_to_claim(struct printer *p, const json_t *rule)
{
	(void)rule;
	buf_text(p->out, ": a container requests another number than toClaim.count, or a part of a device, so the Pod "
			 "keeps what it requests");
}

static void print_placement(struct printer *p, const json_t *rule)
{
	(void)rule;
	buf_text(p->out, ": the Pod selects other nodes than those that have what the Rule would make of its request");
}

static void print_condition(struct printer *p, const json_t *rule)
{
	static const struct {
		const char *condition;
		void (*print)(struct printer *p, const json_t *rule);
	} conditions[] = {{"requests", print_range},
			  {"rewrite", print_rewrite},
			  {"maxPerContainer", print_max},
			  {"toClaim", print_to_claim},
			  {"placement", print_placement}};
	if (!tree_has(rule, "condition"))
		return;
	for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
		if (tree_is(rule, "condition", conditions[i].condition)) {
			conditions[i].print(p, rule);
			return;
		}
	print_wanted(p, rule);
}

static const char *outcome_text(const json_t *rule)
{
	static const struct {
		const char *outcome, *text;
	} outcomes[] = {{"unmatched", "does not match"},
			{"satisfied", "matches, and has nothing to change"},
			{"reported", "would act on the Pod, and only reports it"},
			{"changed", "changed the Pod"},
			{"refused", "refused the Pod"},
			{"skipped", "was not reached"}};
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
		if (tree_is(rule, "outcome", outcomes[i].outcome))
			return outcomes[i].text;
	return "";
}

void print_rules(struct printer *p, const json_t *rules)
{
	size_t i;
	json_t *rule;
	p->label = "Rules";
	json_array_foreach(rules, i, rule)
	{
		print_begin(p);
		buf_printf(p->out, "%s: %s", tree_get(rule, "name"), outcome_text(rule));
		print_condition(p, rule);
		print_end(p, rule);
	}
}

/* --- The Rule that decides the group --- */

/* Why a Pod is not decided with a group, if that is known. */
static const char *why_alone(const json_t *gang)
{
	static const struct {
		const char *why, *text;
	} whys[] = {
	    {"noGroup", "; this Pod is in no group"},
	    {"groupNotKnown", "; this Pod is decided alone, because it is not known which Pods are its group"},
	    {"sizeNotKnown", "; this Pod is decided alone, because nothing here says how many Pods its group has"},
	    {"noOthers", "; this Pod is the only one"}};
	for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++)
		if (tree_is(gang, "decidedAlone", whys[i].why))
			return whys[i].text;
	return "";
}

void print_gang(struct printer *p, const json_t *gang)
{
	if (!gang)
		return;
	p->label = "group";
	print_begin(p);
	if (tree_has(gang, "group")) {
		print_plain(p, tree_get(gang, "group"));
		if (tree_number(gang, "pods"))
			buf_printf(p->out, " of %lld Pods", tree_number(gang, "pods"));
		buf_text(p->out, ": ");
	}
	buf_printf(p->out, "Rule %s admits a Pod only if the Pods of its group that are still to come fit as well%s",
		   tree_get(gang, "rule"), why_alone(gang));
	print_end(p, gang);
}

/* --- Changes --- */

static void print_side(struct printer *p, bool added, const char *field, const char *key, const char *value)
{
	buf_printf(p->out, "%*s  %-*s  ", p->indent, "", EXPLAIN_LABEL_WIDTH, "");
	struct buf line;
	buf_init(&line, 64 << 10);
	struct printer inner = {.out = &line};
	buf_text(&line, added ? "+ " : "- ");
	buf_text(&line, field);
	print_plain(&inner, key);
	buf_text(&line, *key ? ": " : "");
	print_plain(&inner, value);
	buf_char(&line, '\0');
	print_colored(p, added ? COLOR_GREEN : COLOR_RED, line.failed ? "..." : line.ptr);
	buf_char(p->out, '\n');
	buf_release(&line);
}

static void print_amount(struct printer *p, const json_t *change)
{
	char number[32];
	snprintf(number, sizeof number, "%lld", tree_number(change, "amount"));
	const char *amount = json_is_integer(json_object_get(change, "amount")) ? number : tree_get(change, "amount");
	if (tree_has(change, "key"))
		print_side(p, false, "resources ", tree_get(change, "key"), amount);
	if (tree_has(change, "value"))
		print_side(p, true, "resources ", tree_get(change, "value"), amount);
}

static void print_toleration(struct printer *p, const json_t *change)
{
	char *text = json_dumps(json_object_get(change, "toleration"), JSON_COMPACT);
	print_side(p, true, "toleration ", "", text ? text : "");
	free(text);
}

static void print_value(struct printer *p, const json_t *change)
{
	bool of_pod = tree_is(change, "kind", "runtimeClassName");
	char field[40];
	snprintf(field, sizeof field, "%s%s", tree_get(change, "kind"), of_pod ? ": " : " ");
	const char *key = of_pod ? "" : tree_get(change, "key");
	if (tree_has(change, "was"))
		print_side(p, false, field, key, tree_get(change, "was"));
	print_side(p, true, field, key, tree_get(change, "value"));
}

/* What only a recording of another program has. */
static void print_other(struct printer *p, const json_t *change)
{
	if (tree_is(change, "op", "remove"))
		print_side(p, false, "", "", tree_get(change, "key"));
	else
		print_side(p, true, "", tree_get(change, "key"), tree_get(change, "value"));
}

/* The Rule or the Guard, if it is known, and the container. */
static void print_heading(struct printer *p, const json_t *change, const char *by)
{
	const char *separator = *by ? ", " : "";
	print_begin(p);
	if (*by)
		buf_printf(p->out, "by %s %s", tree_has(change, "rule") ? "Rule" : "Guard", by);
	if (tree_has(change, "container")) {
		buf_printf(p->out, "%sin container \"", separator);
		print_plain(p, tree_get(change, "container"));
		buf_char(p->out, '"');
	} else if (!*by) {
		buf_text(p->out, "in the Pod");
	}
	print_end(p, change);
}

void print_changes(struct printer *p, const json_t *changes)
{
	size_t i;
	json_t *change;
	const char *by = "", *in = "";
	p->label = "changes";
	json_array_foreach(changes, i, change)
	{
		const char *name = tree_has(change, "rule") ? tree_get(change, "rule") : tree_get(change, "guard");
		if (i == 0 || strcmp(by, name) != 0 || strcmp(in, tree_get(change, "container")) != 0)
			print_heading(p, change, name);
		by = name;
		in = tree_get(change, "container");
		if (tree_is(change, "kind", "resource"))
			print_amount(p, change);
		else if (tree_is(change, "kind", "toleration"))
			print_toleration(p, change);
		else if (tree_is(change, "kind", "other"))
			print_other(p, change);
		else
			print_value(p, change);
	}
}
