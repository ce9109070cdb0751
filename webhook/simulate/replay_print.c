/* Prints the report of a replay as text. */
#include "webhook/simulate/explain_text.h"
#include "webhook/simulate/replay.h"

static const struct {
	enum replay_change change;
	const char *text;
	enum color color;
} rows[] = {
    {REPLAY_NEWLY_REFUSED, "newly refused", COLOR_RED},
    {REPLAY_NEWLY_ADMITTED, "newly admitted", COLOR_GREEN},
    {REPLAY_NEWLY_REWRITTEN, "newly rewritten", COLOR_YELLOW},
    {REPLAY_OVER_QUOTA, "over quota", COLOR_YELLOW},
    {REPLAY_QUOTA_EXCEEDED, "quotas exceeded", COLOR_YELLOW},
    {REPLAY_WOULD_BE_REFUSED, "would be refused", COLOR_YELLOW},
    {REPLAY_REWORDED, "reworded", COLOR_NONE},
};
#define ROWS (sizeof rows / sizeof rows[0])

static void print_passed_over(struct printer *p, const json_t *report)
{
	const json_t *files = json_object_get(report, "passedOverFiles");
	long long count = tree_number(report, "passedOver"), shown = (long long)json_array_size(files);
	if (count == 0)
		return;
	buf_printf(p->out, "%lld file%s passed over: ", count, count == 1 ? " was" : "s were");
	print_list(p, files, "", "");
	if (count > shown)
		buf_printf(p->out, ", and %lld more", count - shown);
	buf_char(p->out, '\n');
}

static void print_head(struct printer *p, const json_t *report)
{
	long long reviews = tree_number(report, "reviews"), skipped = tree_number(report, "skipped");
	long long incomplete = tree_number(report, "incomplete");
	buf_printf(p->out, "%lld review%s replayed", reviews, reviews == 1 ? "" : "s");
	if (tree_has(report, "from")) {
		buf_text(p->out, ", from ");
		print_plain(p, tree_get(report, "from"));
		buf_text(p->out, " to ");
		print_plain(p, tree_get(report, "to"));
	}
	buf_text(p->out, json_is_true(json_object_get(report, "against"))
			     ? "; compared with the other policy\n"
			     : "; compared with what was answered, or with Pods that are admitted as they are\n");
	if (skipped)
		buf_printf(p->out, "%lld other object%s passed over\n", skipped, skipped == 1 ? " was" : "s were");
	if (tree_has(report, "from") && tree_number(report, "ends") == 0) {
		buf_text(p->out, "no end of a Pod is in the recording, as with a cluster ledger; ");
		if (json_is_integer(json_object_get(report, "holdSeconds")))
			buf_printf(p->out, "each Pod is assumed to end after %lld s\n",
				   tree_number(report, "holdSeconds"));
		else
			buf_text(p->out, "--hold assumes one\n");
	}
	print_passed_over(p, report);
	if (incomplete)
		buf_printf(p->out, "%lld incomplete line%s at the end of a file %s passed over\n", incomplete,
			   incomplete == 1 ? "" : "s", incomplete == 1 ? "was" : "were");
}

/* "team-a 10, team-b 2" */
static void print_tenants(struct printer *p, const json_t *tenants, const char *change)
{
	const char *name, *separator = "   ";
	json_t *row;
	json_object_foreach((json_t *)(uintptr_t)tenants, name, row)
	{
		if (tree_number(row, change) == 0)
			continue;
		buf_text(p->out, separator);
		print_plain(p, name);
		buf_printf(p->out, " %lld", tree_number(row, change));
		separator = ", ";
	}
}

static void print_counts(struct printer *p, const json_t *report)
{
	const json_t *counts = json_object_get(report, "counts"), *tenants = json_object_get(report, "tenants");
	for (size_t i = 0; i < ROWS; i++) {
		const char *name = replay_change_names[rows[i].change];
		buf_printf(p->out, "  %-16s %7lld", rows[i].text, tree_number(counts, name));
		print_tenants(p, tenants, name);
		buf_char(p->out, '\n');
	}
	if (tree_number(counts, replay_change_names[REPLAY_WOULD_BE_REFUSED]))
		buf_text(p->out, "\n  Pods that would be refused are admitted only because the enforcement is warn or "
				 "audit.\n");
}

static void print_over(struct printer *p, const json_t *quotas)
{
	size_t i;
	json_t *quota;
	json_array_foreach(quotas, i, quota)
	{
		buf_printf(p->out, "%s  quota %s/%s: Pods that exist use %s of %s, over by %s (%s)%s\n", i ? "" : "\n",
			   tree_get(quota, "tenant"), tree_get(quota, "quota"), tree_get(quota, "used"),
			   tree_get(quota, "limit"), tree_get(quota, "over"), tree_get(quota, "at"),
			   json_is_true(json_object_get(quota, "newly")) ? "" : ", as before");
	}
}

/* --- Differences --- */

/* Whether this is one of the changes of a difference. */
static bool has_change(const json_t *difference, enum replay_change change)
{
	size_t i;
	json_t *name;
	json_array_foreach(json_object_get(difference, "changes"), i, name)
	{
		if (strcmp(json_string_value(name), replay_change_names[change]) == 0)
			return true;
	}
	return false;
}

static void print_outcome(struct printer *p, const char *label, const json_t *outcome, bool rewritten)
{
	const json_t *changes = json_object_get(outcome, "changes");
	size_t i;
	json_t *warning;
	buf_printf(p->out, "    %-7s %s", label, tree_get(outcome, "verdict"));
	if (tree_has(outcome, "message")) {
		buf_text(p->out, ": ");
		print_plain(p, tree_get(outcome, "message"));
	}
	buf_text(p->out, rewritten && json_array_size(changes) == 0 ? ", unchanged\n" : "\n");
	json_array_foreach(json_object_get(outcome, "warnings"), i, warning)
	{
		buf_text(p->out, "            warning: ");
		print_plain(p, json_string_value(warning));
		buf_char(p->out, '\n');
	}
	if (!rewritten)
		return;
	print_changes(p, changes);
}

static void print_change(struct printer *p, const json_t *difference)
{
	const char *separator = "";
	for (size_t row = 0; row < ROWS; row++) {
		if (!has_change(difference, rows[row].change))
			continue;
		buf_text(p->out, separator);
		print_colored(p, rows[row].color, rows[row].text);
		separator = ", ";
	}
}

static void print_difference(struct printer *p, const json_t *difference)
{
	buf_text(p->out, "\n  ");
	print_change(p, difference);
	buf_text(p->out, ": ");
	print_plain(p, tree_get(difference, "kind"));
	buf_text(p->out, " \"");
	print_plain(p, tree_get(difference, "name"));
	buf_text(p->out, "\" in namespace \"");
	print_plain(p, tree_get(difference, "namespace"));
	buf_text(p->out, "\" (");
	print_plain(p, tree_get(difference, "at"));
	if (tree_has(difference, "time")) {
		buf_text(p->out, ", ");
		print_plain(p, tree_get(difference, "time"));
	}
	buf_text(p->out, ")\n");
	bool rewritten = has_change(difference, REPLAY_NEWLY_REWRITTEN);
	print_outcome(p, "before", json_object_get(difference, "before"), rewritten);
	print_outcome(p, "after", json_object_get(difference, "after"), rewritten);
	if (json_object_get(difference, "enforced"))
		print_outcome(p, "if enforced:", json_object_get(difference, "enforced"), false);
}

void replay_print(const json_t *report, bool color, struct buf *out)
{
	struct printer p = {.out = out, .color = color, .indent = 1};
	size_t i;
	json_t *difference;
	print_head(&p, report);
	print_counts(&p, report);
	print_over(&p, json_object_get(report, "quotas"));
	print_cut(&p, report);
	json_array_foreach(json_object_get(report, "differences"), i, difference) print_difference(&p, difference);
	if (tree_number(report, "omitted"))
		buf_printf(out, "\n%lld more difference%s counted above; %s\n", tree_number(report, "omitted"),
			   tree_number(report, "omitted") == 1 ? " is" : "s are",
			   json_is_true(json_object_get(report, "truncated"))
			       ? "they do not fit in the memory for examples; replay a part of the input to see them"
			       : "--show names more of them");
}
