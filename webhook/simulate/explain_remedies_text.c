/* Prints what the reader of a refusal could do. */
#include "webhook/admission/fits.h"
#include "webhook/simulate/explain_text.h"

static void print_request(struct printer *p, const json_t *remedy)
{
	bool fewer = tree_is(remedy, "resource", tree_get(remedy, "insteadOf"));
	buf_printf(p->out, "request %lld %s", tree_number(remedy, "count"), tree_get(remedy, "resource"));
	if (fewer)
		buf_printf(p->out, " instead of %lld", tree_number(remedy, "asked"));
	else
		buf_printf(p->out, " instead of %lld %s", tree_number(remedy, "asked"), tree_get(remedy, "insteadOf"));
	buf_text(p->out, " in container \"");
	print_plain(p, tree_get(remedy, "container"));
	buf_printf(p->out, "\": %s", p->whole ? "a group of such Pods fits now" : "such a Pod fits now");
}

static void print_rollout(struct printer *p, const json_t *remedy)
{
	fits_print_rollout(p->out, tree_get(remedy, "field"));
}

static void print_cohort(struct printer *p, const json_t *remedy)
{
	size_t i;
	json_t *member;
	buf_printf(p->out, "in cohort %s, ask for some of quota %s back: ", tree_get(remedy, "cohort"),
		   tree_get(remedy, "quota"));
	json_array_foreach(json_object_get(remedy, "borrowers"), i, member) buf_printf(
	    p->out, "%s%s borrows %s", i ? ", " : "", tree_get(member, "tenant"), tree_get(member, "borrowed"));
	json_array_foreach(json_object_get(remedy, "lenders"), i, member)
	    buf_printf(p->out, "%s%s uses %s of its %s and lends up to %s", i ? ", " : "; ", tree_get(member, "tenant"),
		       tree_get(member, "used"), tree_get(member, "hard"), tree_get(member, "lendUpTo"));
}

static void print_holders(struct printer *p, const json_t *remedy)
{
	size_t i;
	json_t *holder;
	long long more = tree_number(remedy, "more"), own = tree_number(remedy, "own");
	bool claims = json_is_true(json_object_get(remedy, "claims"));
	const char *one = claims ? "Pod or claim" : "Pod", *several = claims ? "Pods and claims" : "Pods";
	buf_printf(p->out, "wait until quota %s/%s has %s more free; it is held by ", tree_get(remedy, "tenant"),
		   tree_get(remedy, "quota"), tree_get(remedy, "needed"));
	json_array_foreach(json_object_get(remedy, "holders"), i, holder)
	{
		long long pods = tree_number(holder, "pods");
		buf_printf(p->out, "%s%lld %s in namespace ", i ? ", " : "", pods, pods == 1 ? one : several);
		print_plain(p, tree_get(holder, "namespace"));
		buf_printf(p->out, " (%s)", tree_get(holder, "amount"));
	}
	if (more)
		buf_printf(p->out, ", and %s in %lld more namespace%s", several, more, more == 1 ? "" : "s");
	if (own)
		buf_printf(p->out, "; %lld of these %s %s of this object", own, several, own == 1 ? "is" : "are");
}

static void print_names(struct printer *p, const json_t *remedy)
{
	long long more = tree_number(remedy, "more");
	buf_printf(p->out, "the %s of the policy are ", tree_get(remedy, "of"));
	print_list(p, json_object_get(remedy, "names"), "", "");
	if (more)
		buf_printf(p->out, ", and %lld more", more);
}

void print_remedies(struct printer *p, const json_t *remedies)
{
	static const struct {
		const char *kind;
		void (*print)(struct printer *p, const json_t *remedy);
	} kinds[] = {{"request", print_request},
		     {"rollout", print_rollout},
		     {"cohort", print_cohort},
		     {"holders", print_holders},
		     {"names", print_names}};
	size_t i;
	json_t *remedy;
	p->label = "remedies";
	json_array_foreach(remedies, i, remedy)
	{
		print_begin(p);
		for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
			if (tree_is(remedy, "kind", kinds[k].kind))
				kinds[k].print(p, remedy);
		print_end(p, remedy);
	}
}
