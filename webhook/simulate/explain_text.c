/* Prints the verdict, the exemption, and the tenant. */
#include "webhook/simulate/explain_text.h"

#include "webhook/admission/fits.h"
#include "webhook/simulate/explain.h"

/* --- The verdict --- */

/*
 * Whether the Pods wait for others of the object, because a Rule admits them only together. One
 * that a rollout has in addition does not.
 */
static bool is_together(const json_t *tree)
{
	const json_t *gang = json_object_get(tree, "gang");
	return gang && !json_is_true(json_object_get(gang, "alone")) &&
	       (tree_number(tree, "surge") == 0 ||
		tree_number(tree, "fits") < tree_number(tree, "pods") - tree_number(tree, "surge"));
}

/* Whether they were decided as that group. */
static bool is_whole(const json_t *tree)
{
	return is_together(tree) && json_is_true(json_object_get(json_object_get(tree, "gang"), "whole"));
}

static void print_count(struct printer *p, const json_t *tree, long long fits, long long pods)
{
	const struct fits words = {
	    .fits = fits, .pods = pods, .surge = tree_number(tree, "surge"), .replaced = tree_number(tree, "replaces")};
	buf_text(p->out, "; ");
	fits_print(&words, p->out);
	/* Replicas of a LeaderWorkerSet are a group each, and some of them fit. */
	bool some = is_whole(tree) && fits > 0;
	if (is_together(tree) && !some && !tree_is(tree, "verdict", "admitted"))
		fits_print_gang(str_of(tree_get(json_object_get(tree, "gang"), "rule")), p->out);
}

/* Whether the API server accepts the workload itself; then it is its Pods that are refused. */
static bool is_accepted(const json_t *tree)
{
	return tree_is(json_object_get(tree, "workload"), "verdict", "accepted");
}

/* Whether the workload has no Pods for now. Then its first one was tried. */
static bool is_later(const json_t *tree)
{
	return json_object_get(tree, "workload") && tree_number(tree, "pods") == 0;
}

static void print_head(struct printer *p, const json_t *tree)
{
	bool admitted = tree_is(tree, "verdict", "admitted");
	long long pods = tree_number(tree, "pods"), fits = tree_number(tree, "fits");
	print_plain(p, tree_get(tree, "file"));
	buf_printf(p->out, ":%lld: ", tree_number(tree, "line"));
	print_plain(p, tree_get(tree, "kind"));
	if (tree_has(tree, "name")) {
		buf_text(p->out, " \"");
		print_plain(p, tree_get(tree, "name"));
		buf_char(p->out, '"');
	}
	if (tree_has(tree, "part")) {
		buf_text(p->out, " (");
		print_plain(p, tree_get(tree, "part"));
		buf_char(p->out, ')');
	}
	buf_text(p->out, " in namespace \"");
	print_plain(p, tree_get(tree, "namespace"));
	buf_text(p->out, "\": ");
	if (!admitted && is_accepted(tree))
		buf_text(p->out, is_later(tree) ? "its Pods would be " : "its Pods are ");
	print_colored(p, admitted ? COLOR_GREEN : COLOR_RED, tree_get(tree, "verdict"));
	if (is_later(tree))
		buf_text(p->out, "; there are none now");
	else if (pods != 1 || tree_number(tree, "replaces") || (!admitted && is_accepted(tree) && is_whole(tree)))
		print_count(p, tree, fits, pods);
	if (!admitted && fits)
		buf_text(p->out, "; the refusal of the next one is:");
	buf_char(p->out, '\n');
}

/* What would happen if nothing only warned or audited. */
static void print_enforced(struct printer *p, const json_t *tree)
{
	buf_printf(p->out, "  If every enforcement were deny, %s would be ", is_accepted(tree) ? "its Pods" : "it");
	print_colored(p, COLOR_YELLOW, "refused");
	if (tree_number(tree, "pods") != 1)
		buf_printf(p->out, "; %lld of %lld Pods would fit", tree_number(tree, "fitsIfEnforced"),
			   tree_number(tree, "pods"));
	buf_text(p->out, ", because of:\n");
}

static void print_violations(struct printer *p, const json_t *tree)
{
	size_t i;
	json_t *item;
	if (json_object_get(tree, "fitsIfEnforced"))
		print_enforced(p, tree);
	if (tree_has(tree, "message"))
		buf_printf(p->out, "  %s\n", tree_get(tree, "message"));
	json_array_foreach(json_object_get(tree, "objections"), i, item)
	{
		if (tree_is(item, "enforcement", "deny"))
			continue;
		buf_text(p->out, "  ");
		print_colored(p, COLOR_YELLOW, tree_get(item, "enforcement"));
		buf_printf(p->out, ": %s\n", tree_get(item, "message"));
	}
	buf_char(p->out, '\n');
}

/* Whether its Pods are refused whatever is free: by a limit, or by anything but a quota. */
static bool is_final(const json_t *tree)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(tree, "objections"), i, item)
	{
		if (tree_is(item, "enforcement", "deny") &&
		    (!tree_is(item, "reason", "quota") ||
		     str_starts(str_of(tree_get(item, "message")), STR("can never fit: "))))
			return true;
	}
	return false;
}

static void print_refused_workload(struct printer *p, const json_t *tree, const json_t *workload)
{
	buf_printf(p->out, "  The %s itself is refused, since no ", tree_get(tree, "kind"));
	if (tree_has(workload, "part")) {
		buf_text(p->out, "Pod of ");
		print_plain(p, tree_get(workload, "part"));
	} else {
		buf_text(p->out, "such Pod");
	}
	buf_printf(p->out, " can ever be admitted and earlyAnswer is %s.\n", tree_get(workload, "earlyAnswer"));
}

/* What its controller does about the Pods that are refused. */
static void print_controller(struct printer *p, const json_t *tree, const char *controller)
{
	if (is_later(tree))
		buf_text(p->out, " It has no Pods now; the first one would be refused.\n");
	else if (is_final(tree))
		buf_printf(p->out, " The %s cannot create these Pods.\n", controller);
	else if (is_together(tree))
		buf_printf(p->out, " The %s tries them again until all Pods of their group fit.\n", controller);
	else
		buf_printf(p->out,
			   " The %s creates the Pods that are admitted, and tries the others again until they are.\n",
			   controller);
}

/* What becomes of a workload, and of its Pods that are refused. */
static void print_workload(struct printer *p, const json_t *tree)
{
	const json_t *workload = json_object_get(tree, "workload");
	if (!workload || tree_is(tree, "verdict", "admitted"))
		return;
	if (is_accepted(tree)) {
		buf_printf(p->out, "  The API server accepts the %s %s (earlyAnswer: %s).", tree_get(tree, "kind"),
			   json_is_true(json_object_get(workload, "warned")) ? "with a warning" : "without a warning",
			   tree_get(workload, "earlyAnswer"));
		print_controller(p, tree, tree_get(workload, "controller"));
	} else {
		print_refused_workload(p, tree, workload);
	}
	buf_char(p->out, '\n');
}

/* --- The exemption and the tenant --- */

static void print_exempt(struct printer *p, const json_t *exempt)
{
	if (!exempt)
		return;
	p->label = "exempt";
	print_begin(p);
	buf_printf(p->out, "%s \"", tree_get(exempt, "by"));
	print_plain(p, tree_get(exempt, "value"));
	buf_text(p->out, "\" matches \"");
	print_plain(p, tree_get(exempt, "pattern"));
	buf_text(p->out, "\" in Settings.exempt: nothing else is looked at");
	print_end(p, exempt);
}

static void print_claim(struct printer *p, const json_t *tenant)
{
	if (tree_is(tenant, "claim", "selector")) {
		buf_text(p->out, ": its namespaceSelector matches the labels of the namespace");
		return;
	}
	buf_printf(p->out, ": its namespaces have %s\"", tree_is(tenant, "claim", "glob") ? "the pattern " : "");
	print_plain(p, tree_get(tenant, "pattern"));
	buf_char(p->out, '"');
}

static void print_tenant(struct printer *p, const json_t *tenant)
{
	if (!tenant)
		return;
	p->label = "tenant";
	print_begin(p);
	if (!tree_has(tenant, "name")) {
		buf_printf(p->out, "none: no Tenant has this namespace%s",
			   json_is_null(json_object_get(tenant, "labels")) ? ", of which no labels are known" : "");
		print_end(p, tenant);
		return;
	}
	print_plain(p, tree_get(tenant, "name"));
	print_claim(p, tenant);
	if (tree_has(tenant, "other")) {
		buf_text(p->out, ", but so does ");
		print_plain(p, tree_get(tenant, "other"));
		buf_printf(p->out, " (%s)", tree_get(tenant, "otherAt"));
	}
	print_end(p, tenant);
}

void explain_print(const json_t *explanation, bool color, struct buf *out)
{
	static const struct {
		const char *member;
		void (*print)(struct printer *p, const json_t *member);
	} sections[] = {{"exempt", print_exempt},    {"tenant", print_tenant},       {"rules", print_rules},
			{"gang", print_gang},        {"changes", print_changes},     {"guards", print_guards},
			{"claims", print_claims},    {"resources", print_resources}, {"quotas", print_quotas},
			{"remedies", print_remedies}};
	struct printer p = {.out = out,
			    .color = color,
			    .claim = tree_is(explanation, "kind", "ResourceClaim"),
			    .whole = is_whole(explanation)};
	print_head(&p, explanation);
	print_violations(&p, explanation);
	print_workload(&p, explanation);
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		sections[i].print(&p, json_object_get(explanation, sections[i].member));
	print_cut(&p, explanation);
}
