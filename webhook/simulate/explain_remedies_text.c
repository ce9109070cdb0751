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
	buf_text(p->out, "\": such a Pod fits now");
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

void print_remedies(struct printer *p, const json_t *remedies)
{
	static const struct {
		const char *kind;
		void (*print)(struct printer *p, const json_t *remedy);
	} kinds[] = {{"request", print_request}, {"rollout", print_rollout}, {"cohort", print_cohort}};
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
