/*
 * quantity: Kubernetes quantities, exactly. The grammar is that of apimachinery's resource.Quantity:
 * [+-]?(d+|d+.d*|.d+) then n u m "" k M G T P E | Ki Mi Gi Ti Pi Ei | [eE][+-]?d+. `K` is no suffix; `1E` is exa
 * while `1E3` is 1000.
 *
 * A value is held in units of 10^-9. What is finer than that is rounded up (away from zero), as the API server does.
 */
#ifndef GPUGATE_QUANTITY_H
#define GPUGATE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

__extension__ typedef __int128 wide; /* 128 bits, signed */

#define QUANTITY_SCALE 1000000000 /* units of `nano` in 1 */

enum quantity_result {
	QUANTITY_OK,
	QUANTITY_SYNTAX,   /* not a quantity */
	QUANTITY_RANGE,    /* beyond +-2^63 */
	QUANTITY_FRACTION, /* quantity_count only: not an integer */
	QUANTITY_NEGATIVE, /* quantity_count only */
};

struct quantity {
	wide nano;
};

/* Reads the whole of `text`. `*out` is untouched unless the result is QUANTITY_OK. */
enum quantity_result quantity_parse(struct str text, struct quantity *out);

/* Reads an integer of 0 and more, such as a request for devices; `1000m` and `1e0` are integers. */
enum quantity_result quantity_count(struct str text, int64_t *out);

/*
 * Whether an amount of bytes was surely meant to have a unit: above 0, below 1Mi, and written without one (`24`, `8192m`, `1e3`; not
 * `500k`). `quantity` is what the text was read as.
 */
bool quantity_lacks_unit(struct str text, const struct quantity *quantity);

/*
 * What was probably meant by a text that is no quantity: "24Gi" of "24GB" or "24 gib", "6.5" of "6,5", "4" of "4 GPUs". Written to `buffer`,
 * of at least 32 bytes; NULL: nothing is near.
 */
const char *quantity_meant(struct str text, char *buffer, size_t size);

/* A few words for a message: "is not a quantity", "is out of range", ... */
const char *quantity_problem(enum quantity_result result);

#endif
