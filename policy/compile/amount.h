/* amount: amounts, as bytes or as units of the policy. */
#ifndef POLICY_COMPILE_AMOUNT_H
#define POLICY_COMPILE_AMOUNT_H

#include "policy/compile/context.h"

/* A whole number of bytes, at least 1 and at most 32Ti; reports, and returns `otherwise`, what is none or not given. */
int64_t compile_memory(struct compile *c, const struct amount *amount, int64_t otherwise);

/* An amount in the measure of a quota, whose resources are set, as policy units; reports, and returns -1, what is no
 * amount of that measure. */
wide compile_units(struct compile *c, const struct amount *amount, const struct quota *quota);

/* Reports an amount of memory that lacks a unit (quantity_lacks_unit). Returns whether it is good. */
bool compile_memory_unit(struct compile *c, const struct amount *amount);

/* value * scale / 10^9 where that is an integer, else -1. Both are at least 0. */
wide compile_scale(wide nano, int64_t scale);

#endif
