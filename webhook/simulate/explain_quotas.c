/* Prints Guards, resources, and quotas. */
#include "webhook/simulate/explain_text.h"

/* --- Guards --- */

void print_guards(struct printer *p, const json_t *guards)
{
	size_t i;
	json_t *guard;
	p->label = "Guards";
	json_array_foreach(guards, i, guard)
	{
		print_begin(p);
		buf_printf(p->out, "%s: ", tree_get(guard, "name"));
		if (tree_is(guard, "outcome", "objected")) {
			print_colored(p, COLOR_RED, "objects");
			buf_printf(p->out, " by %s", tree_get(guard, "check"));
		} else {
			buf_text(p->out, tree_get(guard, "outcome"));
		}
		if (tree_has(guard, "container")) {
			buf_text(p->out, " in container \"");
			print_plain(p, tree_get(guard, "container"));
			buf_char(p->out, '"');
		}
		if (tree_is(guard, "outcome", "exempt")) {
			buf_printf(p->out, ": %s \"", tree_get(guard, "by"));
			print_plain(p, tree_get(guard, "value"));
			buf_printf(p->out, "\" matches \"%s\"", tree_get(guard, "pattern"));
		}
		print_end(p, guard);
	}
}

/* --- Quotas --- */

static const char *why_text(const struct printer *p, const json_t *resource)
{
	static const struct {
		const char *why, *text, *claim_text;
	} whys[] = {{"name", ": by its name, since no Accelerator has it", NULL},
		    {"any", ": the Pod could run on nodes of any Accelerator that has it: ",
		     ": the claim could get it from any Accelerator that has it: "},
		    {"placement", ": what the Pod requires of its node allows ",
		     ": the products that its selectors require are of "},
		    {"node", ": the Pod's node is of ", NULL}};
	for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++)
		if (tree_is(resource, "why", whys[i].why))
			return p->claim && whys[i].claim_text ? whys[i].claim_text : whys[i].text;
	return "";
}

/* Of a claim, a model is only unknown if no Accelerator of a product offers the requested part. */
static void print_accelerators(struct printer *p, const json_t *resource)
{
	const json_t *known = json_object_get(resource, "accelerators");
	print_list(p, known, "", "");
	if (json_is_true(json_object_get(resource, "unknownNodes")))
		buf_printf(p->out, "%s%s", json_array_size(known) ? ", and " : "",
			   p->claim ? "Accelerators that do not offer it" : "nodes of which no Accelerator is known");
}

static void print_costs(struct printer *p, const json_t *resource)
{
	size_t i;
	json_t *cost;
	json_array_foreach(json_object_get(resource, "costs"), i, cost)
	{
		print_begin(p);
		buf_printf(p->out, "  %s/%s: ", tree_get(cost, "tenant"), tree_get(cost, "quota"));
		if (json_is_true(json_object_get(cost, "unmeasured")))
			buf_text(p->out, "its memory is not known");
		else
			buf_printf(p->out, "%lld x %s = %s", tree_number(resource, "count"), tree_get(cost, "each"),
				   tree_get(cost, "amount"));
		if (tree_has(cost, "accelerator"))
			buf_printf(p->out, ", as %s (%s)", tree_get(cost, "accelerator"),
				   tree_get(cost, "acceleratorAt"));
		buf_char(p->out, '\n');
	}
}

void print_resources(struct printer *p, const json_t *resources)
{
	size_t i;
	json_t *resource;
	p->label = "counted";
	json_array_foreach(resources, i, resource)
	{
		print_begin(p);
		buf_printf(p->out, "%s%lld x %s%s", json_is_true(json_object_get(resource, "alternative")) ? "or " : "",
			   tree_number(resource, "count"), tree_get(resource, "resource"), why_text(p, resource));
		print_accelerators(p, resource);
		if (json_is_true(json_object_get(resource, "notOffered")))
			print_colored(p, COLOR_YELLOW, ", so that it is never scheduled");
		if (tree_has(resource, "nearest"))
			buf_printf(p->out, "; did you mean %s?", tree_get(resource, "nearest"));
		buf_char(p->out, '\n');
		print_costs(p, resource);
	}
}

/* "5 used + 1 pending + 1 requested + 3 for the rest of its group = 10 of 6" */
static void print_sum(struct printer *p, const json_t *quota)
{
	buf_printf(p->out, "%s used", tree_get(quota, "used"));
	if (!tree_is(quota, "pending", "0"))
		buf_printf(p->out, " + %s pending", tree_get(quota, "pending"));
	buf_printf(p->out, " + %s requested", tree_get(quota, "requested"));
	if (tree_has(quota, "ofGroup"))
		buf_printf(p->out, " + %s for the rest of its group", tree_get(quota, "ofGroup"));
	buf_printf(p->out, " = %s", tree_get(quota, "projected"));
	buf_printf(p->out, tree_is(quota, "hard", "unlimited") ? ", unlimited" : " of %s", tree_get(quota, "hard"));
	if (tree_has(quota, "borrowUpTo"))
		buf_printf(p->out, " + up to %s borrowed from cohort %s", tree_get(quota, "borrowUpTo"),
			   tree_get(quota, "cohort"));
	if (!json_is_true(json_object_get(quota, "exceeded")))
		return;
	buf_text(p->out, ": ");
	print_colored(p, json_is_true(json_object_get(quota, "refuses")) ? COLOR_RED : COLOR_YELLOW, "exceeded");
	buf_printf(p->out, " by %s", tree_get(quota, "exceededBy"));
}

void print_quotas(struct printer *p, const json_t *quotas)
{
	size_t i;
	json_t *quota;
	p->label = "quotas";
	json_array_foreach(quotas, i, quota)
	{
		print_begin(p);
		buf_printf(p->out, "%s/%s: ", tree_get(quota, "tenant"), tree_get(quota, "quota"));
		if (json_is_true(json_object_get(quota, "counts")))
			print_sum(p, quota);
		else
			buf_text(p->out, p->claim ? "does not count this claim" : "does not count this Pod");
		print_end(p, quota);
	}
}
