/* chain: chains of rewrites. */
#ifndef POLICY_COMPILE_CHAIN_H
#define POLICY_COMPILE_CHAIN_H

#include "policy/compile/context.h"

/*
 * Reports rewrites that lead back to the name they started from. `docs` are the Rules in the order
 * of policy->rules.
 */
void compile_chains(struct compile *c, const struct doc_rule **docs);

#endif
