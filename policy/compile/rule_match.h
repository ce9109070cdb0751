/* rule_match: compiles what a Rule matches, and reports what can never match. */
#ifndef POLICY_COMPILE_RULE_MATCH_H
#define POLICY_COMPILE_RULE_MATCH_H

#include "policy/compile/context.h"

/* Tenants must have been compiled. */
void compile_match(struct compile *c, const struct doc_match *match, struct rule *rule);

#endif
