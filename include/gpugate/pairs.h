/* pairs: lists and maps of borrowed strings, in the order in which they were read. */
#ifndef GPUGATE_PAIRS_H
#define GPUGATE_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/*
 * An entry of a map of strings: a label, an annotation, a node selector, or a resource name and its
 * quantity.
 */
struct pair {
	struct str key;
	struct str value; /* A quantity that is a JSON number is stored as its text. */
};

/*
 * A map. `present` is true if the key exists and is an object, even an empty one: a patch must know
 * whether to create it.
 */
struct pairs {
	const struct pair *items;
	uint32_t count;
	bool present;
};

/* Returns the value of a key, the first one if there are several, or NULL. Borrows. */
static inline const struct str *pairs_value(const struct pairs *pairs, struct str key)
{
	for (uint32_t i = 0; i < pairs->count; i++)
		if (str_eq(pairs->items[i].key, key))
			return &pairs->items[i].value;
	return NULL;
}

/* The labels of something that has a name. */
struct named_pairs {
	struct str name;
	struct pairs pairs;
};

struct strs {
	const struct str *items;
	uint32_t count;
};

#endif
