/* chain: checks that every chain of rewrites ends. */
#include "policy/compile/chain.h"

#include <stdlib.h>

static int edge_order(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;
	int order = str_cmp(x->from, y->from);
	return order ? order : str_cmp(x->to, y->to);
}

static size_t edge_first(const struct edge *edges, size_t count, struct str from)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (str_cmp(edges[middle].from, from) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Recursion is no deeper than the longest chain of different names, and a policy has few names of
 * resources.
 */
static void walk_edges(struct compile *c, struct edge *edges, size_t count, struct str from)
{
	for (size_t i = edge_first(edges, count, from); i < count && str_eq(edges[i].from, from); i++) {
		if (edges[i].state == 2)
			continue;
		edges[i].state = 1;
		size_t next = edge_first(edges, count, edges[i].to);
		const struct edge *back = NULL;
		for (size_t k = next; k < count && str_eq(edges[k].from, edges[i].to); k++)
			back = edges[k].state == 1 ? &edges[k] : back;
		if (str_eq(edges[i].to, from))
			docs_report(c->report, c->docs, SEVERITY_ERROR, edges[i].at,
				    "\"%.*s\" is rewritten to itself; name another resource, or remove the rewrite",
				    STR_ARG(from));
		else if (back)
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, edges[i].at,
			    "rewriting \"%.*s\" to \"%.*s\" leads back to a name that was rewritten before (%s); "
			    "break the chain",
			    STR_ARG(edges[i].from), STR_ARG(edges[i].to), compile_where(c, back->at));
		else
			walk_edges(c, edges, count, edges[i].to);
		edges[i].state = 2;
	}
}

/*
 * Reports a Rule that would turn what it has itself rewritten into claims: it could not tell the
 * two requests of a container apart.
 */
static void check_own_claims(struct compile *c, const struct doc_rule *doc, const struct edge *edges, size_t count)
{
	for (uint32_t w = 0; w < doc->rewrite.count; w++) {
		const struct doc_rewrite *claims = &doc->rewrite.items[w];
		for (size_t i = 0; claims->to_claim.set && i < count; i++)
			if (str_eq(edges[i].to, claims->from.s))
				docs_report(
				    c->report, c->docs, SEVERITY_ERROR, edges[i].at,
				    "the Rule rewrites \"%.*s\" to \"%.*s\", which it turns into claims itself; turn "
				    "it into claims directly, or rewrite it in another Rule",
				    STR_ARG(edges[i].from), STR_ARG(edges[i].to));
	}
}

void compile_chains(struct compile *c, const struct doc_rule **docs)
{
	const struct policy *policy = c->policy;
	size_t size = 0, count = 0;
	for (uint32_t r = 0; r < policy->rule_count; r++)
		for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++) {
			uint32_t model = policy->rules[r].rewrites[w].model;
			size += 1 + (model == NO_MODEL ? 0 : policy->models[model].profile_count);
		}
	struct edge *edges = compile_scratch(c, size, sizeof *edges);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		size_t first = count;
		for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++) {
			const struct rewrite *rewrite = &policy->rules[r].rewrites[w];
			struct location at = docs[r]->rewrite.items[w].from.at;
			if (str_present(rewrite->to))
				edges[count++] = (struct edge){rewrite->from, rewrite->to, at, 0};
			for (uint32_t p = 0;
			     rewrite->model != NO_MODEL && p < policy->models[rewrite->model].profile_count; p++)
				edges[count++] = (struct edge){
				    rewrite->from, policy->models[rewrite->model].profiles[p].resource, at, 0};
		}
		check_own_claims(c, docs[r], edges + first, count - first);
	}
	if (count)
		qsort(edges, count, sizeof *edges, edge_order);
	/* Thousands of Rules may produce the same few edges. */
	size_t unique = 0;
	for (size_t i = 0; i < count; i++)
		if (unique == 0 || edge_order(&edges[unique - 1], &edges[i]) != 0)
			edges[unique++] = edges[i];
	for (size_t i = 0; i < unique; i++)
		if (edges[i].state == 0)
			walk_edges(c, edges, unique, edges[i].from);
	if (c->report->errors == 0)
		compile_conversions(c, docs, edges, unique);
}
