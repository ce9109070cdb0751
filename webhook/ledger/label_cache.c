#include "webhook/ledger/label_cache.h"

#include <stdlib.h>

#define SLOTS_MIN 64

void labels_init(struct labels *labels)
{
	*labels = (struct labels){0};
}

static struct labelled *next_of(const struct labels *labels, const struct labelled *item)
{
	return (struct labelled *)(void *)hash_map_next(&labels->map, item ? &item->in_map : NULL);
}

void labels_release(struct labels *labels)
{
	for (struct labelled *item = next_of(labels, NULL), *next; item; item = next) {
		next = next_of(labels, item);
		free(item);
	}
	hash_map_release(&labels->map);
	labels_init(labels);
}

static struct labelled *find(const struct labels *labels, struct str name)
{
	uint64_t hash = str_hash(name);
	struct hash_link *link = hash_map_chain(&labels->map, hash);
	while (link && !(link->hash == hash && str_eq(((struct labelled *)(void *)link)->name, name)))
		link = link->next;
	return (struct labelled *)(void *)link;
}

static struct str put(char **at, struct str s)
{
	struct str copy = {*at, s.len};
	if (s.len)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return copy;
}

/* Returns new, with all strings in the same block. */
static struct labelled *make(struct str name, const struct pairs *pairs)
{
	size_t bytes = name.len;
	for (uint32_t i = 0; i < pairs->count; i++)
		bytes += pairs->items[i].key.len + pairs->items[i].value.len;
	struct labelled *item = malloc(sizeof *item + pairs->count * sizeof(struct pair) + bytes);
	if (!item)
		return NULL;
	struct pair *copies = (struct pair *)(item + 1);
	char *at = (char *)(copies + pairs->count);
	*item = (struct labelled){.labels = {copies, pairs->count, true}};
	item->name = put(&at, name);
	for (uint32_t i = 0; i < pairs->count; i++) {
		copies[i].key = put(&at, pairs->items[i].key);
		copies[i].value = put(&at, pairs->items[i].value);
	}
	return item;
}

/*
 * Compares in order, because the API server sends labels sorted. A different order counts as a
 * change, which is harmless.
 */
static bool same(const struct pairs *a, const struct pairs *b)
{
	bool equal = a->count == b->count;
	for (uint32_t i = 0; equal && i < a->count; i++)
		equal = str_eq(a->items[i].key, b->items[i].key) && str_eq(a->items[i].value, b->items[i].value);
	return equal;
}

int labels_set(struct labels *labels, struct str name, const struct pairs *pairs)
{
	if (!labels->map.slots && hash_map_init(&labels->map, SLOTS_MIN) < 0)
		return -1;
	struct labelled *old = find(labels, name);
	if (old && same(&old->labels, pairs)) {
		old->generation = labels->generation;
		return 0;
	}
	struct labelled *item = make(name, pairs);
	if (!item)
		return -1;
	item->generation = labels->generation;
	if (old)
		hash_map_replace(&labels->map, &old->in_map, &item->in_map);
	else
		hash_map_add(&labels->map, &item->in_map, str_hash(name));
	free(old);
	return 1;
}

bool labels_remove(struct labels *labels, struct str name)
{
	struct labelled *item = find(labels, name);
	if (!item)
		return false;
	hash_map_remove(&labels->map, &item->in_map);
	free(item);
	return true;
}

const struct pairs *labels_get(const struct labels *labels, struct str name)
{
	const struct labelled *item = find(labels, name);
	return item ? &item->labels : NULL;
}

void labels_list_begin(struct labels *labels)
{
	labels->generation++;
}

void labels_list_end(struct labels *labels, void (*gone)(void *context, struct str name), void *context)
{
	for (struct labelled *item = next_of(labels, NULL), *next; item; item = next) {
		next = next_of(labels, item);
		if (item->generation == labels->generation)
			continue;
		hash_map_remove(&labels->map, &item->in_map);
		gone(context, item->name);
		free(item);
	}
}
