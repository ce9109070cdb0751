/* cohort: joins quotas of the same name that lend to each other into pools. */
#include <stdlib.h>

#include "policy/compile/amount.h"
#include "policy/compile/reference.h"
#include "policy/compile/steps.h"

/* A quota of a Tenant that belongs to a cohort. */
struct member {
	struct str cohort, name;
	uint32_t quota;
};

static int member_order(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = str_cmp(x->cohort, y->cohort);
	if (order == 0)
		order = str_cmp(x->name, y->name);
	return order ? order : (x->quota > y->quota) - (x->quota < y->quota);
}

static void compile_names(struct compile *c)
{
	struct policy *policy = c->policy;
	for (uint32_t i = 0; i < policy->tenant_count; i++)
		policy->tenants[i].cohort = compile_keep(c, c->tenants[i]->cohort.s);
	for (uint32_t i = 0; i < policy->tenant_count; i++) {
		struct str cohort = policy->tenants[i].cohort;
		uint32_t above = str_present(cohort) ? policy->tenants[i].parent : NO_TENANT;
		while (above != NO_TENANT &&
		       !(str_present(policy->tenants[above].cohort) && str_eq(policy->tenants[above].cohort, cohort)))
			above = policy->tenants[above].parent;
		if (above != NO_TENANT)
			docs_report(c->report, c->docs, SEVERITY_ERROR, c->tenants[i]->cohort.at,
				    "Tenant \"%.*s\" above this one is in cohort \"%.*s\" as well (%s), and would lend "
				    "to itself; "
				    "remove one of the two from the cohort",
				    STR_ARG(policy->tenants[above].name), STR_ARG(cohort),
				    compile_where(c, c->tenants[above]->cohort.at));
	}
}

static void compile_borrowing(struct compile *c, const struct doc_borrowing *doc, struct quota *quota)
{
	if (doc->borrow.set) {
		quota->borrow = compile_units(c, &doc->borrow, quota);
		quota->borrow_text = compile_keep(c, doc->borrow.text);
	}
	if (!doc->lend.set)
		return;
	wide lend = compile_units(c, &doc->lend, quota);
	if (lend > quota->hard && quota->hard >= 0 && !quota->unlimited)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->lend.at,
		    "\"lendUpTo\" is %.*s, but the quota's `hard` is only %.*s; lend at most that, or leave it out to "
		    "lend all",
		    STR_ARG(doc->lend.text), STR_ARG(quota->hard_text));
	else
		quota->lend = lend;
}

/*
 * Sets what each quota may borrow and lend, even if there is no other quota to do that with. The
 * tenant's quotas begin at index `first`.
 */
static void compile_tenant_borrowing(struct compile *c, uint32_t tenant, uint32_t first, uint32_t count)
{
	struct quota *quotas = &c->policy->quotas[first];
	const struct doc_tenant *doc = c->tenants[tenant];
	if (doc->borrowing.set && !str_present(doc->cohort.s)) {
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->borrowing.at,
			    "`borrowing` needs a `cohort` to borrow from and lend to; name it, or remove `borrowing`");
		return;
	}
	for (uint32_t q = 0; q < count; q++)
		quotas[q].lend = quotas[q].hard;
	struct index names;
	if (index_init(&names, count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t q = 0; q < count; q++)
		index_add(&names, quotas[q].name, (struct str){NULL, 0}, q);
	for (uint32_t b = 0; b < doc->borrowing.count; b++) {
		const struct doc_borrowing *borrowing = &doc->borrowing.items[b];
		uint32_t q = index_id(&names, borrowing->key.s);
		if (q != INDEX_NONE) {
			compile_borrowing(c, borrowing, &quotas[q]);
			c->borrowings[first + q] = borrowing;
		} else {
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, borrowing->at,
			    "Tenant \"%.*s\" has no quota named \"%.*s\"%s", STR_ARG(doc->name.s),
			    STR_ARG(borrowing->key.s),
			    compile_reference_hint(c, borrowing->key.s, &quotas[0].name, count, sizeof quotas[0]));
		}
	}
}

static int word_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Whether two lists contain the same names. Order and duplicates do not matter. */
static bool same_words(struct compile *c, const struct texts *a, const struct texts *b)
{
	const struct texts *lists[] = {a, b};
	struct str *words[2];
	uint32_t counts[2] = {0, 0};
	if (a->set != b->set)
		return false;
	for (int k = 0; k < 2; k++) {
		words[k] = compile_scratch(c, lists[k]->count, sizeof *words[k]);
		for (uint32_t i = 0; i < lists[k]->count; i++)
			words[k][i] = lists[k]->items[i].s;
		if (lists[k]->count)
			qsort(words[k], lists[k]->count, sizeof *words[k], word_order);
		for (uint32_t i = 0; i < lists[k]->count; i++)
			if (counts[k] == 0 || !str_eq(words[k][counts[k] - 1], words[k][i]))
				words[k][counts[k]++] = words[k][i];
	}
	bool same = counts[0] == counts[1];
	for (uint32_t i = 0; same && i < counts[0]; i++)
		same = str_eq(words[0][i], words[1][i]);
	return same;
}

/*
 * Reports quotas of a pool that measure or count differently, because their amounts cannot be
 * exchanged. Also reports unlimited ones.
 */
static void check_member(struct compile *c, const struct member *first, const struct member *member)
{
	const struct policy *policy = c->policy;
	const struct doc_quota *doc = c->quotas[member->quota], *other = c->quotas[first->quota];
	const char *what = NULL;
	struct location at = doc->name.at;
	if (doc->measure.value != other->measure.value) {
		what = "measure";
		at = doc->measure.set ? doc->measure.at : at;
	} else if (!same_words(c, &doc->resources, &other->resources)) {
		what = "resources";
		at = doc->resources.set ? doc->resources.at : at;
	} else if (!same_words(c, &doc->accelerators, &other->accelerators)) {
		what = "accelerators";
		at = doc->accelerators.set ? doc->accelerators.at : at;
	}
	if (what)
		docs_report(c->report, c->docs, SEVERITY_ERROR, at,
			    "quotas named \"%.*s\" lend to each other in cohort \"%.*s\", but that of Tenant \"%.*s\" "
			    "(%s) has other `%s`; make them the same, or rename one",
			    STR_ARG(member->name), STR_ARG(member->cohort),
			    STR_ARG(policy->tenants[policy->quotas[first->quota].tenant].name),
			    compile_where(c, other->name.at), what);
	if (doc->hard.unlimited)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->hard.at,
			    "quotas named \"%.*s\" lend to each other in cohort \"%.*s\", and `unlimited` cannot be "
			    "lent; give a "
			    "number, or rename the quota",
			    STR_ARG(member->name), STR_ARG(member->cohort));
}

static void compile_pool(struct compile *c, const struct member *members, uint32_t count, uint32_t id)
{
	struct policy *policy = c->policy;
	struct pool *pool = &policy->pools[id];
	uint32_t *quotas = compile_alloc(c, count, sizeof *quotas);
	*pool = (struct pool){.cohort = members[0].cohort, .quotas = quotas, .count = count};
	for (uint32_t i = 0; i < count; i++) {
		struct quota *quota = &policy->quotas[members[i].quota];
		quotas[i] = members[i].quota;
		quota->pool = id;
		/*
		 * At most 2^95 each (see quantity.h and compile_unit), so the sum cannot overflow.
		 */
		pool->hard += quota->hard;
		check_member(c, &members[0], &members[i]);
	}
}

void compile_cohorts(struct compile *c)
{
	struct policy *policy = c->policy;
	struct member *members = compile_scratch(c, policy->quota_count, sizeof *members);
	uint32_t count = 0;
	c->borrowings = compile_scratch(c, policy->quota_count, sizeof *c->borrowings);
	compile_names(c);
	for (uint32_t first = 0, next, t = 0; t < policy->tenant_count; t++, first = next) {
		for (next = first; next < policy->quota_count && policy->quotas[next].tenant == t; next++)
			if (str_present(policy->tenants[t].cohort))
				members[count++] =
				    (struct member){policy->tenants[t].cohort, policy->quotas[next].name, next};
		compile_tenant_borrowing(c, t, first, next - first);
	}
	if (count > 1)
		qsort(members, count, sizeof *members, member_order);
	policy->pools = compile_alloc(c, count / 2, sizeof *policy->pools);
	for (uint32_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && str_eq(members[to].cohort, members[from].cohort) &&
				    str_eq(members[to].name, members[from].name);
		     to++)
			;
		if (to - from > 1)
			compile_pool(c, &members[from], to - from, policy->pool_count++);
	}
	for (uint32_t q = 0; q < policy->quota_count; q++)
		/* No other quota has its name: it can neither borrow nor lend. */
		if (policy->quotas[q].pool == NO_POOL)
			policy->quotas[q].borrow = policy->quotas[q].lend = 0;
}
