/* warn_claims: warns of namespaces that two Tenants claim with equal right. */
#include <stdlib.h>

#include "policy/base/glob.h"
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"

/*
 * Warns of namespaces in the policy that two Tenants claim by selectors, or by patterns of the same
 * length.
 */
static void warn_known(struct compile *c)
{
	const struct policy *policy = c->policy;
	for (uint32_t i = 0; i < c->docs->namespaces.count; i++) {
		const struct text *name = &c->docs->namespaces.items[i].name;
		uint32_t other, tenant = snapshot_tenant(policy, name->s, NULL, &other);
		if (other == NO_TENANT)
			continue;
		const struct text *first = &c->tenants[tenant]->name, *second = &c->tenants[other]->name;
		COMPILE_LINT(
		    c, LINT_AMBIGUOUS_NAMESPACE, name->at,
		    "Tenants \"%.*s\" (%s) and \"%.*s\" (%s) both claim this namespace: its accelerator Pods will be "
		    "refused",
		    STR_ARG(first->s), compile_where(c, first->at), STR_ARG(second->s), compile_where(c, second->at));
	}
}

/* --- Patterns --- */

struct pattern {
	const struct text *name;
	const struct doc_tenant *tenant;
};

/* Sorts by length first, because only patterns of the same length have equal right. */
static int pattern_order(const void *a, const void *b)
{
	const struct pattern *x = a, *y = b;
	if (x->name->s.len != y->name->s.len)
		return x->name->s.len < y->name->s.len ? -1 : 1;
	return str_cmp(x->name->s, y->name->s);
}

static bool is_wildcard(char c)
{
	return c == '*' || c == '?';
}

/*
 * Whether two patterns of the same length differ in a literal byte before the first wildcard or
 * after the last one. A cheap test that rules out most pairs.
 */
static bool ends_differ(struct str a, struct str b)
{
	size_t i = 0, k = a.len;
	while (i < a.len && !is_wildcard(a.ptr[i]) && !is_wildcard(b.ptr[i]) && a.ptr[i] == b.ptr[i])
		i++;
	while (k > i && !is_wildcard(a.ptr[k - 1]) && !is_wildcard(b.ptr[k - 1]) && a.ptr[k - 1] == b.ptr[k - 1])
		k--;
	return i < k && ((!is_wildcard(a.ptr[i]) && !is_wildcard(b.ptr[i])) ||
			 (!is_wildcard(a.ptr[k - 1]) && !is_wildcard(b.ptr[k - 1])));
}

/* Whether some name matches both patterns. Returns false if too little work is left to find out. */
static bool overlap(struct str a, struct str b, uint64_t *work)
{
	return !ends_differ(a, b) && warn_spend(work, a.len * b.len) && glob_overlaps(a, b);
}

static void warn_pattern(struct compile *c, const struct pattern *first, const struct pattern *second)
{
	const struct text *name = &first->tenant->name;
	COMPILE_LINT(
	    c, LINT_AMBIGUOUS_NAMESPACE, second->name->at,
	    "\"%.*s\" of Tenant \"%.*s\" (%s) is as long and can match the same namespaces, whose accelerator Pods "
	    "would be refused; make one of the two longer, or name such a namespace exactly",
	    STR_ARG(first->name->s), STR_ARG(name->s), compile_where(c, first->name->at));
}

static void warn_patterns(struct compile *c)
{
	uint32_t count = 0, size = 0;
	uint64_t work = WARN_WORK_MAX;
	for (uint32_t t = 0; t < c->docs->tenants.count; t++)
		size += c->docs->tenants.items[t].namespaces.count;
	struct pattern *patterns = compile_scratch(c, size, sizeof *patterns);
	for (uint32_t t = 0; t < c->docs->tenants.count; t++) {
		const struct doc_tenant *tenant = &c->docs->tenants.items[t];
		for (uint32_t n = 0; n < tenant->namespaces.count; n++)
			if (!glob_is_exact(tenant->namespaces.items[n].s))
				patterns[count++] = (struct pattern){&tenant->namespaces.items[n], tenant};
	}
	if (count)
		qsort(patterns, count, sizeof *patterns, pattern_order);
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t k = i; k-- > 0 && patterns[k].name->s.len == patterns[i].name->s.len;) {
			if (!warn_spend(&work, 1))
				return;
			if (patterns[k].tenant == patterns[i].tenant ||
			    !overlap(patterns[k].name->s, patterns[i].name->s, &work))
				continue;
			warn_pattern(c, &patterns[k], &patterns[i]);
			break;
		}
}

/* --- Selectors --- */

static bool lists(const struct strs *values, struct str value)
{
	for (uint32_t i = 0; i < values->count; i++)
		if (str_eq(values->items[i], value))
			return true;
	return false;
}

static bool lists_all(const struct strs *values, const struct strs *of)
{
	for (uint32_t i = 0; i < of->count; i++)
		if (!lists(values, of->items[i]))
			return false;
	return true;
}

/*
 * Whether every label set that satisfies `one` also satisfies `other`, as far as simple rules can
 * tell.
 */
static bool implies(const struct requirement *one, const struct requirement *other)
{
	if (!str_eq(one->key, other->key))
		return false;
	if (one->op == SELECTOR_IN && other->op == SELECTOR_EXISTS)
		return true;
	if (one->op != other->op)
		return false;
	return one->op == SELECTOR_IN       ? lists_all(&other->values, &one->values)
	       : one->op == SELECTOR_NOT_IN ? lists_all(&one->values, &other->values)
					    : true;
}

/* Whether every namespace that the narrower selector matches also matches the wider one. */
static bool is_part(const struct selector *narrower, const struct selector *wider, uint64_t *work)
{
	for (uint32_t w = 0; w < wider->count; w++) {
		bool required = false;
		for (uint32_t n = 0; n < narrower->count && !required; n++) {
			uint64_t values = narrower->items[n].values.count, others = wider->items[w].values.count;
			required =
			    warn_spend(work, 1 + values * others) && implies(&narrower->items[n], &wider->items[w]);
		}
		if (!required)
			return false;
	}
	return wider->count > 0;
}

/*
 * The value by which the index finds a requirement: its only value, or an absent str, which stands
 * for the key alone.
 */
static struct str index_value(const struct requirement *first)
{
	return first->op == SELECTOR_IN && first->values.count == 1 ? first->values.items[0] : (struct str){NULL, 0};
}

static void warn_selector(struct compile *c, uint32_t tenant, uint32_t other, bool same)
{
	const struct doc_tenant *theirs = c->tenants[other];
	COMPILE_LINT(
	    c, LINT_AMBIGUOUS_NAMESPACE, c->tenants[tenant]->namespace_selector.at,
	    "%s of Tenant \"%.*s\" (%s)%s: accelerator Pods there are refused, since two Tenants claim them; require "
	    "another label in one of the two",
	    same ? "this selects the same namespaces as that" : "every namespace that this selects is selected by that",
	    STR_ARG(theirs->name.s), compile_where(c, theirs->namespace_selector.at), same ? "" : " as well");
}

/*
 * Returns the first Tenant whose selector matches everything that this one's matches, or NO_TENANT.
 */
static uint32_t find_wider(const struct policy *policy, const struct index *selectors, uint32_t tenant, uint64_t *work,
			   bool *same)
{
	const struct selector *own = &policy->tenant_selectors[tenant];
	for (uint32_t i = 0; i < own->count; i++) {
		const struct str values[] = {index_value(&own->items[i]), {NULL, 0}};
		for (size_t v = str_present(values[0]) ? 0 : 1; v < 2; v++)
			for (const struct index_entry *e = index_find(selectors, own->items[i].key, values[v]); e;
			     e = index_next(selectors, e)) {
				if (!warn_spend(work, 1))
					return NO_TENANT;
				if (e->id == tenant || !is_part(own, &policy->tenant_selectors[e->id], work))
					continue;
				*same = is_part(&policy->tenant_selectors[e->id], own, work);
				if (!*same || e->id < tenant)
					return e->id;
			}
	}
	return NO_TENANT;
}

static void warn_selectors(struct compile *c)
{
	const struct policy *policy = c->policy;
	struct index selectors;
	uint64_t work = WARN_WORK_MAX;
	if (index_init(&selectors, policy->tenant_count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t t = 0; t < policy->tenant_count; t++) {
		const struct selector *selector = &policy->tenant_selectors[t];
		if (selector->count)
			index_add(&selectors, selector->items[0].key, index_value(&selector->items[0]), t);
	}
	for (uint32_t t = 0; t < policy->tenant_count; t++) {
		bool same = false;
		uint32_t other = find_wider(policy, &selectors, t, &work, &same);
		if (other != NO_TENANT)
			warn_selector(c, t, other, same);
	}
}

void compile_claim_warnings(struct compile *c)
{
	warn_known(c);
	warn_patterns(c);
	warn_selectors(c);
}
