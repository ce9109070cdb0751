/* conversions: finds out which names Rules turn into claims, directly or in several steps. */
#include "policy/compile/chain.h"

/* A claim that Rules give instead of `from`. */
struct conversion {
	struct str from, template;
	int64_t count;
};

struct conversions {
	struct conversion *items;
	uint32_t count, size;
	bool full;         /* There are more than `size`. */
	struct index seen; /* By `from` and `template`. */
	/* The edges by `to`, so that one step back takes no look at the others. */
	const struct edge *edges;
	struct index back;
};

static bool is_seen(const struct conversions *all, struct str from, const struct conversion *end)
{
	for (const struct index_entry *e = index_find(&all->seen, from, end->template); e;
	     e = index_next(&all->seen, e))
		if (all->items[e->id].count == end->count)
			return true;
	return false;
}

static void add(struct conversions *all, struct str from, const struct conversion *end)
{
	if (is_seen(all, from, end))
		return;
	all->full |= all->count == all->size;
	if (all->full)
		return;
	index_add(&all->seen, from, end->template, all->count);
	all->items[all->count++] = (struct conversion){from, end->template, end->count};
}

/* Adds every name that leads to the one of `first`, the newest conversion. */
static void add_earlier(struct conversions *all, uint32_t first)
{
	for (uint32_t i = first; i < all->count && !all->full; i++)
		for (const struct index_entry *e = index_find(&all->back, all->items[i].from, (struct str){NULL, 0}); e;
		     e = index_next(&all->back, e))
			add(all, all->edges[e->id].from, &all->items[first]);
}

static void report_full(struct compile *c, const struct doc_rewrite *rewrite)
{
	docs_report(c->report, c->docs, SEVERITY_ERROR, rewrite->to_claim.at,
		    "with this rewrite, Rules turn resources into claims in more than %d ways, because each resource "
		    "that is rewritten to \"%.*s\" counts once for each template; use fewer templates for it, or "
		    "rewrite fewer resources to it",
		    CONVERSIONS_MAX, STR_ARG(rewrite->from.s));
}

static void collect(struct compile *c, const struct doc_rule **docs, struct conversions *all)
{
	const struct policy *policy = c->policy;
	for (uint32_t r = 0; r < policy->rule_count; r++)
		for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++) {
			const struct rewrite *rewrite = &policy->rules[r].rewrites[w];
			uint32_t first = all->count;
			if (!str_present(rewrite->template))
				continue;
			add(all, rewrite->from,
			    &(struct conversion){rewrite->from, rewrite->template, rewrite->claim_count});
			add_earlier(all, first);
			if (all->full) {
				report_full(c, &docs[r]->rewrite.items[w]);
				return;
			}
		}
}

/* Marks the rewrites of names that lead to claims. */
static void mark_rewrites(struct compile *c, const struct conversions *all)
{
	struct policy *policy = c->policy;
	struct index names;
	if (index_init(&names, all->count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < all->count; i++)
		index_add(&names, all->items[i].from, (struct str){NULL, 0}, i);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		/* Allocated by compile_rules; const for readers. */
		struct rewrite *rewrites = (struct rewrite *)(uintptr_t)policy->rules[r].rewrites;
		for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++)
			rewrites[w].leads_to_claim =
			    index_find(&names, rewrites[w].from, (struct str){NULL, 0}) != NULL;
	}
}

/* Returns for how many conversions there must be room. */
static uint32_t most(const struct policy *policy, size_t edges)
{
	uint64_t claims = 0;
	for (uint32_t r = 0; r < policy->rule_count; r++)
		for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++)
			claims += str_present(policy->rules[r].rewrites[w].template);
	uint64_t all = claims * (edges + 1);
	return all < CONVERSIONS_MAX ? (uint32_t)all : CONVERSIONS_MAX;
}

static void index_edges(struct compile *c, struct conversions *all, size_t count)
{
	if (index_init(&all->back, (uint32_t)count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < count; i++)
		index_add(&all->back, all->edges[i].to, (struct str){NULL, 0}, i);
}

void compile_conversions(struct compile *c, const struct doc_rule **docs, const struct edge *edges, size_t count)
{
	struct policy *policy = c->policy;
	struct conversions all = {.size = most(policy, count), .edges = edges};
	if (all.size == 0)
		return;
	all.items = compile_scratch(c, all.size, sizeof *all.items);
	if (index_init(&all.seen, all.size, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	index_edges(c, &all, count);
	collect(c, docs, &all);
	if (all.full)
		return;
	if (index_init(&policy->conversions, all.count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	int64_t *counts = compile_alloc(c, all.count, sizeof *counts);
	for (uint32_t i = 0; i < all.count; i++) {
		counts[i] = all.items[i].count;
		/* Names of edges and Rules are those of the policy. */
		index_add(&policy->conversions, all.items[i].from, all.items[i].template, i);
	}
	policy->conversion_counts = counts;
	mark_rewrites(c, &all);
}
