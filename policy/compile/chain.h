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

/*
 * Sets what Rules turn into claims, directly or by these edges, which have no cycles.
 */
void compile_conversions(struct compile *c, const struct edge *edges, size_t count);

#endif
