/* pairs: lists and maps of borrowed strings, in the order in which they were read. */
#ifndef GPUGATE_PAIRS_H
#define GPUGATE_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/* An entry of a map of strings: label, annotation, node selector, or resource name and quantity. */
struct pair {
	struct str key;
	struct str value; /* a quantity written as a JSON number is given as its text */
};

/* A map. `present`: the key exists and is an object, even an empty one (a patch must know whether to create it). */
struct pairs {
	const struct pair *items;
	uint32_t count;
	bool present;
};

struct strs {
	const struct str *items;
	uint32_t count;
};

#endif
