/*
 * label_cache: the names and labels of Namespaces or Nodes in the view. Copies what it is given.
 * Not thread-safe.
 */
#ifndef WEBHOOK_LEDGER_LABEL_CACHE_H
#define WEBHOOK_LEDGER_LABEL_CACHE_H

#include "gpugate/hash_map.h"
#include "gpugate/pairs.h"

struct labelled {
	struct hash_link in_map; /* Must come first. */
	uint32_t generation;     /* Of the last list that contained it. */
	struct str name;
	struct pairs labels;
};

struct labels {
	struct hash_map map;
	uint32_t generation;
};

void labels_init(struct labels *labels);
void labels_release(struct labels *labels);

/*
 * Adds an object, or replaces its labels. Returns 1 if it is new or its labels have changed, 0 if
 * not, or -1 without memory.
 */
int labels_set(struct labels *labels, struct str name, const struct pairs *pairs);

/* Removes an object. Returns whether it was known. */
bool labels_remove(struct labels *labels, struct str name);

/*
 * Returns the labels of an object, which are present; NULL: it is unknown. Borrowed until it
 * changes.
 */
const struct pairs *labels_get(const struct labels *labels, struct str name);

/*
 * Begin and end a list: objects that are not set in between no longer exist. The end removes each
 * of them and then calls `gone` with its name.
 */
void labels_list_begin(struct labels *labels);
void labels_list_end(struct labels *labels, void (*gone)(void *context, struct str name), void *context);

#endif
