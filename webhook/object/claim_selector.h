/*
 * claim_selector: what the CEL expressions of a claim's selectors surely require of a device. This
 * evaluates nothing: it recognizes terms of a few exact forms among those that an expression joins
 * by `&&`. Whatever it cannot delimit for sure tells nothing, so what it tells holds for every
 * device that the expression selects. Pure and thread-safe; linear time.
 */
#ifndef WEBHOOK_OBJECT_CLAIM_SELECTOR_H
#define WEBHOOK_OBJECT_CLAIM_SELECTOR_H

#include "gpugate/str.h"

/* The longest expression (resource.k8s.io: CELSelectorExpressionMaxLength). */
#define CLAIM_SELECTOR_MAX 10240

/* What is known of the devices; absent: nothing. */
struct claim_selected {
	/* Of MIG: at most CLAIM_PROFILE_MAX letters, digits, `.`, `+`, and `-`. */
	struct str profile;
	struct str product; /* As the driver writes it, not empty. */
	struct str driver;  /* The driver whose name of the product it is; static. */
};

/*
 * Adds what the expression requires, unless it is known already: no device meets two different
 * requirements, so the first one holds. Borrows from the expression.
 */
void claim_selector_read(struct str expression, struct claim_selected *selected);

#endif
