/* Adds who holds a quota, and who in its cohort borrows. */
#include <stdlib.h>

#include "webhook/ledger/ledger.h"
#include "webhook/ledger/tally.h"
#include "webhook/simulate/explain_remedies.h"
#include "webhook/simulate/explain_text.h"

#define HOLDERS_MAX 5 /* Namespaces that are named. */
#define MEMBERS_MAX 8 /* Of a cohort, that are named. */

/* --- Who holds a quota --- */

/* Whether a denying sentence says that waiting does not help. */
static bool is_never(const json_t *tree)
{
	size_t i;
	json_t *violation;
	json_array_foreach(json_object_get(tree, "objections"), i, violation)
	{
		if (tree_is(violation, "enforcement", "deny") &&
		    str_starts(str_of(tree_get(violation, "message")), STR("can never fit: ")))
			return true;
	}
	return false;
}

static int compare_sums(const void *left, const void *right)
{
	const struct tally_sum *a = *(const struct tally_sum *const *)left,
			       *b = *(const struct tally_sum *const *)right;
	return a->amount != b->amount ? (a->amount < b->amount) - (a->amount > b->amount)
				      : str_cmp(a->namespace, b->namespace);
}

/* Returns the sums of a quota, new, the largest first. */
static const struct tally_sum **sorted_sums(const struct ledger *ledger, uint32_t quota, size_t *count)
{
	const struct tally_sum *sum;
	*count = 0;
	for (sum = ledger_holders(ledger, quota); sum; sum = sum->quota_next)
		++*count;
	const struct tally_sum **sums = calloc(*count + 1, sizeof *sums);
	size_t i = 0;
	for (sum = ledger_holders(ledger, quota); sums && sum; sum = sum->quota_next)
		sums[i++] = sum;
	if (sums)
		qsort(sums, *count, sizeof *sums, compare_sums);
	return sums;
}

/* How many Pods of the object hold the quota of the item. */
static int64_t own_pods(const struct explain_refusal *refusal, const json_t *item)
{
	int64_t own = refusal->fits;
	size_t i, k;
	json_t *group, *of_group;
	json_array_foreach(refusal->earlier, i, group)
	{
		json_array_foreach(json_object_get(group, "quotas"), k, of_group)
		{
			if (json_is_true(json_object_get(of_group, "counts")) &&
			    json_equal(json_object_get(of_group, "tenant"), json_object_get(item, "tenant")) &&
			    json_equal(json_object_get(of_group, "quota"), json_object_get(item, "quota")))
				own += tree_number(group, "fits");
		}
	}
	return own;
}

void explain_holders(const struct explain_refusal *refusal, const json_t *item, json_t *remedies)
{
	const struct policy *policy = refusal->context->policy;
	struct quota_view view;
	uint32_t quota;
	size_t count;
	if (!json_is_true(json_object_get(item, "refuses")) || is_never(refusal->tree) ||
	    !remedy_find_quota(policy, item, &quota))
		return;
	const struct tally_sum **sums = sorted_sums(simulation_ledger(refusal->context->simulation), quota, &count);
	if (sums && count) {
		json_t *remedy = remedy_add(remedies, "holders"), *holders = json_array();
		policy_quota(policy, quota, &view);
		json_object_set(remedy, "tenant", json_object_get(item, "tenant"));
		json_object_set(remedy, "quota", json_object_get(item, "quota"));
		json_object_set(remedy, "needed", json_object_get(item, "exceededBy"));
		json_object_set_new(remedy, "holders", holders);
		if (policy_counts_claims(policy))
			json_object_set_new(remedy, "claims", json_true());
		for (size_t i = 0; i < count && i < HOLDERS_MAX; i++) {
			json_t *holder = json_object();
			json_array_append_new(holders, holder);
			json_object_set_new(holder, "namespace", explain_string(sums[i]->namespace));
			remedy_set_amount(holder, "amount", sums[i]->amount, policy, &view);
			json_object_set_new(holder, "pods", json_integer(sums[i]->pods));
		}
		json_object_set_new(remedy, "more",
				    json_integer(count > HOLDERS_MAX ? (json_int_t)(count - HOLDERS_MAX) : 0));
		json_object_set_new(remedy, "own", json_integer(own_pods(refusal, item)));
	}
	free(sums);
}

/* --- Cohorts --- */

/* Adds a member of the cohort to those that borrow, or to those that lend. */
static void add_member(const struct explain_refusal *refusal, uint32_t quota, json_t *borrowers, json_t *lenders)
{
	const struct policy *policy = refusal->context->policy;
	struct quota_view view;
	policy_quota(policy, quota, &view);
	wide used = simulation_used(refusal->context->simulation, quota);
	bool borrows = !view.unlimited && used > view.hard;
	json_t *list = borrows ? borrowers : lenders, *member;
	if ((!borrows && view.lend == 0) || json_array_size(list) == MEMBERS_MAX)
		return;
	json_array_append_new(list, member = json_object());
	json_object_set_new(member, "tenant", explain_string(view.tenant));
	remedy_set_amount(member, "used", used, policy, &view);
	remedy_set_amount(member, "hard", view.hard, policy, &view);
	if (borrows)
		remedy_set_amount(member, "borrowed", used - view.hard, policy, &view);
	else
		remedy_set_amount(member, "lendUpTo", view.lend, policy, &view);
}

void explain_cohort(const struct explain_refusal *refusal, const json_t *item, json_t *remedies)
{
	const uint32_t *members;
	uint32_t quota;
	if (!json_is_true(json_object_get(item, "exceeded")) || !tree_has(item, "cohort") ||
	    !remedy_find_quota(refusal->context->policy, item, &quota))
		return;
	uint32_t count = policy_cohort(refusal->context->policy, quota, &members);
	json_t *borrowers = json_array(), *lenders = json_array();
	for (uint32_t i = 0; i < count; i++)
		if (members[i] != quota)
			add_member(refusal, members[i], borrowers, lenders);
	if (json_array_size(borrowers)) {
		json_t *remedy = remedy_add(remedies, "cohort");
		json_object_set(remedy, "cohort", json_object_get(item, "cohort"));
		json_object_set(remedy, "quota", json_object_get(item, "quota"));
		json_object_set(remedy, "borrowers", borrowers);
		json_object_set(remedy, "lenders", lenders);
	}
	json_decref(borrowers);
	json_decref(lenders);
}
