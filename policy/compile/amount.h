/* amount: converts amounts to bytes or to units of the policy. */
#ifndef POLICY_COMPILE_AMOUNT_H
#define POLICY_COMPILE_AMOUNT_H

#include "policy/compile/context.h"

/* Returns the greatest common divisor. Neither number may be negative. */
static inline int64_t gcd(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/*
 * Returns the amount as a whole number of bytes, from 1 to 32Ti. Returns `otherwise` if it is not
 * set, or is not such a number (reported).
 */
int64_t compile_memory(struct compile *c, const struct amount *amount, int64_t otherwise);

/*
 * Returns an amount as policy units in the measure of the quota, whose resources must be set.
 * Returns -1 if the measure has no such amount (reported).
 */
wide compile_units(struct compile *c, const struct amount *amount, const struct quota *quota);

/*
 * Reports an amount of memory that lacks a unit (quantity_lacks_unit). Returns whether the amount
 * is acceptable.
 */
bool compile_memory_unit(struct compile *c, const struct amount *amount);

/*
 * Returns nano * scale / 10^9 if that is an integer that fits, otherwise -1. Both arguments must be
 * at least 0.
 */
wide compile_scale(wide nano, int64_t scale);

#endif
