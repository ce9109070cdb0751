/*
 * label_cache: what the view knows of objects of which only name and labels matter: Namespaces, Nodes. Copies what it is given. Not
 * thread-safe.
 */
#ifndef WEBHOOK_LEDGER_LABEL_CACHE_H
#define WEBHOOK_LEDGER_LABEL_CACHE_H

#include "gpugate/pairs.h"

struct labelled {
	struct labelled *next; /* in its slot */
	uint32_t hash;
	uint32_t generation; /* of the list that it was in last */
	struct str name;
	struct pairs labels;
};

struct labels {
	struct labelled **slots;
	uint32_t mask;
	uint32_t count;
	uint32_t generation;
};

void labels_init(struct labels *labels);
void labels_release(struct labels *labels);

/* Enters an object, or its new labels. Returns 1 when it is new or its labels have changed, 0 when not, -1 without memory. */
int labels_set(struct labels *labels, struct str name, const struct pairs *pairs);

/* Forgets an object. Returns whether it was known. */
bool labels_remove(struct labels *labels, struct str name);

/* The labels of an object, present; NULL: it is not known. Borrowed until it changes. */
const struct pairs *labels_get(const struct labels *labels, struct str name);

/* What is not set between the two does not exist any more: `gone` is told its name when it is known no more. */
void labels_list_begin(struct labels *labels);
void labels_list_end(struct labels *labels, void (*gone)(void *context, struct str name), void *context);

#endif
