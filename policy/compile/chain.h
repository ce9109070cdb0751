/* chain: rewrites that follow one another. */
#ifndef POLICY_COMPILE_CHAIN_H
#define POLICY_COMPILE_CHAIN_H

#include "policy/compile/context.h"

/* Rewrites of one name into another must not lead back; `docs` are the Rules in the order of policy->rules. */
void compile_chains(struct compile *c, const struct doc_rule **docs);

#endif
