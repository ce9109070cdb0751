/* chain: chains of rewrites. */
#ifndef POLICY_COMPILE_CHAIN_H
#define POLICY_COMPILE_CHAIN_H

#include "policy/compile/context.h"

/*
 * A rewrite as an edge between two names. A cycle would rewrite forever. `state` is the mark of the
 * depth-first search: 0 unvisited, 1 on the current path, 2 finished.
 */
struct edge {
	struct str from, to;
	struct location at;
	unsigned char state;
};

/*
 * Reports rewrites that lead back to the name they started from. `docs` are the Rules in the order
 * of policy->rules.
 */
void compile_chains(struct compile *c, const struct doc_rule **docs);

#define CONVERSIONS_MAX 65536 /* Of a policy; see compile_conversions. */

/*
 * Sets what Rules turn into claims, directly or by these edges, which have no cycles. Reports an
 * error if that is more than CONVERSIONS_MAX pairs of a name and a claim: N names that lead to M
 * claims are N * M. `docs` are as for compile_chains.
 */
void compile_conversions(struct compile *c, const struct doc_rule **docs, const struct edge *edges, size_t count);

#endif
