#include "webhook/ledger/label_cache.h"

#include <stdlib.h>

#define SLOTS_LEAST 64

static uint32_t hash_name(struct str name)
{
	uint32_t hash = 0x811c9dc5u;
	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.ptr[i]) * 0x01000193u;
	return hash ^ (hash >> 15);
}

void labels_init(struct labels *labels)
{
	*labels = (struct labels){0};
}

void labels_release(struct labels *labels)
{
	for (uint32_t i = 0; labels->slots && i <= labels->mask; i++)
		for (struct labelled *item = labels->slots[i], *next; item; item = next) {
			next = item->next;
			free(item);
		}
	free(labels->slots);
	labels_init(labels);
}

/* At most one object per slot on average. Without memory, the chains just get longer. */
static int make_room(struct labels *labels)
{
	if (labels->slots && labels->count <= labels->mask)
		return 0;
	uint32_t mask = labels->slots ? labels->mask * 2 + 1 : SLOTS_LEAST - 1;
	struct labelled **slots = calloc((size_t)mask + 1, sizeof *slots);
	if (!slots)
		return labels->slots ? 0 : -1;
	for (uint32_t i = 0; labels->slots && i <= labels->mask; i++)
		for (struct labelled *item = labels->slots[i], *next; item; item = next) {
			next = item->next;
			item->next = slots[item->hash & mask];
			slots[item->hash & mask] = item;
		}
	free(labels->slots);
	labels->slots = slots;
	labels->mask = mask;
	return 0;
}

static struct labelled **find(const struct labels *labels, struct str name, uint32_t hash)
{
	struct labelled **link = &labels->slots[hash & labels->mask];
	while (*link && !((*link)->hash == hash && str_eq((*link)->name, name)))
		link = &(*link)->next;
	return link;
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
static struct labelled *make(struct str name, const struct pairs *pairs, uint32_t hash)
{
	size_t bytes = name.len;
	for (uint32_t i = 0; i < pairs->count; i++)
		bytes += pairs->items[i].key.len + pairs->items[i].value.len;
	struct labelled *item = malloc(sizeof *item + pairs->count * sizeof(struct pair) + bytes);
	if (!item)
		return NULL;
	struct pair *copies = (struct pair *)(item + 1);
	char *at = (char *)(copies + pairs->count);
	*item = (struct labelled){.hash = hash, .labels = {copies, pairs->count, true}};
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
	if (make_room(labels) < 0)
		return -1;
	uint32_t hash = hash_name(name);
	struct labelled **link = find(labels, name, hash), *old = *link;
	if (old && same(&old->labels, pairs)) {
		old->generation = labels->generation;
		return 0;
	}
	struct labelled *item = make(name, pairs, hash);
	if (!item)
		return -1;
	item->generation = labels->generation;
	item->next = old ? old->next : NULL;
	*link = item;
	labels->count += !old;
	free(old);
	return 1;
}

bool labels_remove(struct labels *labels, struct str name)
{
	struct labelled **link = labels->slots ? find(labels, name, hash_name(name)) : NULL;
	struct labelled *item = link ? *link : NULL;
	if (!item)
		return false;
	*link = item->next;
	labels->count--;
	free(item);
	return true;
}

const struct pairs *labels_get(const struct labels *labels, struct str name)
{
	const struct labelled *item = labels->slots ? *find(labels, name, hash_name(name)) : NULL;
	return item ? &item->labels : NULL;
}

void labels_list_begin(struct labels *labels)
{
	labels->generation++;
}

void labels_list_end(struct labels *labels, void (*gone)(void *context, struct str name), void *context)
{
	for (uint32_t i = 0; labels->slots && i <= labels->mask; i++)
		for (struct labelled **link = &labels->slots[i], *item; (item = *link);) {
			if (item->generation == labels->generation) {
				link = &item->next;
				continue;
			}
			*link = item->next;
			labels->count--;
			gone(context, item->name);
			free(item);
		}
}
