#include "webhook/admission/fits.h"

static void print_existing(const char *how, int64_t existing, struct buf *out)
{
	buf_printf(out, ", %s %lld that exist%s", how, (long long)existing, existing == 1 ? "s" : "");
}

void fits_print(const struct fits *fits, struct buf *out)
{
	buf_printf(out, "%lld of %lld %s%s now", (long long)fits->fits, (long long)fits->pods,
		   fits->more ? "more " : "", fits->pods == 1 ? "Pod fits" : "Pods fit");
	if (fits->surge)
		buf_printf(out, " (%lld, and %lld more during a rollout)", (long long)(fits->pods - fits->surge),
			   (long long)fits->surge);
	if (fits->replaced)
		print_existing("in place of", fits->replaced, out);
	if (fits->kept)
		print_existing("including", fits->kept, out);
}

void fits_print_gang(struct str rule, struct buf *out)
{
	buf_printf(out, ", and none is admitted before its whole group fits (Rule \"%.*s\")", STR_ARG(rule));
}

void fits_print_rollout(struct buf *out, const char *field)
{
	buf_printf(out,
		   "set %s to maxSurge: %d and maxUnavailable: %d: each new Pod is then created after an old one has "
		   "ended",
		   field, FITS_MAX_SURGE, FITS_MAX_UNAVAILABLE);
}
