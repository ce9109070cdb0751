/*
 * quantity: exact arithmetic on Kubernetes quantities. Pure and thread-safe.
 *
 * The grammar is that of resource.Quantity in apimachinery: [+-]?(d+|d+.d*|.d+), followed by one of
 * n u m "" k M G T P E, Ki Mi Gi Ti Pi Ei, or [eE][+-]?d+. `K` is not a suffix. `1E` is exa,
 * whereas `1E3` is 1000.
 *
 * A value is stored in units of 10^-9. A finer value is rounded up (away from zero), as the API
 * server does.
 */
#ifndef GPUGATE_QUANTITY_H
#define GPUGATE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

__extension__ typedef __int128 wide; /* A signed integer of 128 bits. */

#define QUANTITY_SCALE 1000000000 /* Units of `nano` in 1. */

enum quantity_result {
	QUANTITY_OK,
	QUANTITY_SYNTAX,   /* Not a quantity. */
	QUANTITY_RANGE,    /* The absolute value exceeds 2^63. */
	QUANTITY_FRACTION, /* Not an integer; from quantity_count only. */
	QUANTITY_NEGATIVE, /* Negative; from quantity_count only. */
};

struct quantity {
	wide nano;
};

/* Parses the whole of `text`. Sets `*out` only if the result is QUANTITY_OK. */
enum quantity_result quantity_parse(struct str text, struct quantity *out);

/*
 * Parses an integer that is not negative, such as a number of devices. `1000m` and `1e0` are
 * integers. Sets `*out` only if the result is QUANTITY_OK.
 */
enum quantity_result quantity_count(struct str text, int64_t *out);

/*
 * Whether the author of an amount of bytes has surely forgotten the unit: it is positive, below
 * 1Mi, and written without a unit. `24`, `8192m` and `1e3` are such amounts; `500k` is not. `text`
 * must not be empty, and `quantity` is its parsed value.
 */
bool quantity_lacks_unit(struct str text, const struct quantity *quantity);

/*
 * Returns the quantity that the author of an invalid one probably meant: "24Gi" for "24GB" or "24
 * gib", "6.5" for "6,5", "4" for "4 GPUs". Writes it to `buffer`, which has at least 32 bytes.
 * Returns NULL if no quantity is similar.
 */
const char *quantity_meant(struct str text, char *buffer, size_t size);

/* Returns a static phrase for messages, such as "is not a quantity" or "is out of range". */
const char *quantity_problem(enum quantity_result result);

#endif
