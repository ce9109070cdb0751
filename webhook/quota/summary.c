#include "webhook/quota/summary.h"

#include <inttypes.h>

#include "gpugate/enum_names.h"
#include "gpugate/policy_enums.h"
#include "webhook/usage/held.h"

#define AMOUNT_BYTES_MAX 64

void quota_summary_digest(const struct policy *policy, char text[static QUOTA_DIGEST_SIZE])
{
	struct policy_digest digest = policy_digest(policy);
	snprintf(text, QUOTA_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, digest.word[0], digest.word[1]);
}

struct summary {
	const struct policy *policy;
	struct arena *arena;
	enum measure measure;
	bool failed;
};

static struct str print_amount(struct summary *summary, wide amount)
{
	struct buf text;
	buf_init(&text, AMOUNT_BYTES_MAX);
	amount_print(amount, policy_unit(summary->policy), summary->measure, &text);
	struct str copy = text.failed ? (struct str){NULL, 0} : arena_str(summary->arena, buf_view(&text));
	buf_release(&text);
	summary->failed |= !str_present(copy);
	return copy;
}

static struct str print_number(struct summary *summary, uint32_t number)
{
	char text[16];
	snprintf(text, sizeof text, "%" PRIu32, number);
	struct str copy = arena_str(summary->arena, str_of(text));
	summary->failed |= !str_present(copy);
	return copy;
}

/* What a member of a cohort has above its own, or else leaves to the others (see policy_exceeded). */
static void fill_cohort(struct summary *summary, const struct quota_view *view, const struct held *held,
			struct quota_document *document)
{
	wide now = held_total(held), over = now - view->hard, left = view->hard - now;
	document->borrowed = STR("0");
	if (!str_present(view->cohort))
		return;
	document->cohort = view->cohort;
	if (view->unlimited)
		return;
	if (over > 0)
		document->borrowed = print_amount(summary, over);
	if (left > view->lend)
		left = view->lend;
	document->lendable = left > 0 ? print_amount(summary, left) : STR("0");
}

static void fill_holders(struct summary *summary, const struct tally_sum *holders, struct quota_document *document)
{
	struct holder_sum sums[QUOTA_HOLDERS_MAX];
	wide rest;
	uint32_t count = holders_largest(holders, sums, QUOTA_HOLDERS_MAX, &rest);
	struct quota_holder *rows = arena_zalloc(summary->arena, count, sizeof *rows);
	summary->failed |= !rows;
	holders_sort(sums, count);
	for (uint32_t i = 0; rows && i < count; i++) {
		rows[i] = (struct quota_holder){.namespace = arena_str(summary->arena, sums[i].namespace),
						.pods = print_number(summary, sums[i].pods),
						.amount = print_amount(summary, sums[i].amount)};
		summary->failed |= !str_present(rows[i].namespace);
	}
	document->holders = rows;
	document->holder_count = rows ? count : 0;
}

int quota_summarize(const struct policy *policy, uint32_t quota, const struct held *held,
		    const struct tally_sum *holders, struct arena *arena, struct quota_document *document)
{
	struct quota_view view;
	policy_quota(policy, quota, &view);
	struct summary summary = {.policy = policy, .arena = arena, .measure = view.measure};
	*document = (struct quota_document){
	    .tenant = view.tenant,
	    .quota = view.name,
	    .measure = str_of(measure_name(view.measure)),
	    .used = print_amount(&summary, held[quota].used),
	    .pending = print_amount(&summary, held[quota].pending),
	    .hard = view.unlimited ? STR("unlimited") : print_amount(&summary, view.hard),
	    .exceeded = quota_is_exceeded(policy, quota, held),
	};
	fill_cohort(&summary, &view, &held[quota], document);
	fill_holders(&summary, holders, document);
	return summary.failed ? -1 : 0;
}
