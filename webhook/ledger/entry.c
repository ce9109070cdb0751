#include "webhook/ledger/entry.h"

#include <stdlib.h>

#include "gpugate/pairs.h"

#define SLOTS_MIN 256

int entry_table_init(struct entry_table *table)
{
	return hash_map_init(&table->map, SLOTS_MIN);
}

void entry_table_release(struct entry_table *table)
{
	for (struct entry *entry = entry_next(table, NULL), *next; entry; entry = next) {
		next = entry_next(table, entry);
		entry_free(entry);
	}
	hash_map_release(&table->map);
}

struct entry *entry_find(const struct entry_table *table, struct str uid)
{
	uint64_t hash = str_hash(uid);
	struct hash_link *link = hash_map_chain(&table->map, hash);
	while (link && !(link->hash == hash && str_eq(((struct entry *)(void *)link)->consumer.uid, uid)))
		link = link->next;
	return (struct entry *)(void *)link;
}

/*
 * The same functions run twice: first without a block, to count bytes, then to copy into the block.
 */
struct packer {
	char *base; /* NULL: only count. */
	size_t at;
};

static void *pack(struct packer *packer, const void *from, size_t bytes, size_t align)
{
	packer->at = (packer->at + align - 1) & ~(align - 1);
	char *to = packer->base ? packer->base + packer->at : NULL;
	packer->at += bytes;
	if (to && bytes)
		memcpy(to, from, bytes);
	return to;
}

static void pack_str(struct packer *packer, struct str *s)
{
	char *to = pack(packer, s->ptr, s->len, 1);
	if (to && s->ptr)
		s->ptr = to;
}

static void pack_pairs(struct packer *packer, struct pairs *pairs)
{
	struct pair *items = pack(packer, pairs->items, pairs->count * sizeof *items, _Alignof(struct pair));
	for (uint32_t i = 0; i < pairs->count; i++) {
		struct pair item = pairs->items[i];
		pack_str(packer, &item.key);
		pack_str(packer, &item.value);
		if (items)
			items[i] = item;
	}
	pairs->items = items;
}

static const struct str *pack_strs(struct packer *packer, const struct str *from, uint32_t count)
{
	struct str *items = pack(packer, from, count * sizeof *items, _Alignof(struct str));
	for (uint32_t i = 0; i < count; i++) {
		struct str item = from[i];
		pack_str(packer, &item);
		if (items)
			items[i] = item;
	}
	return items;
}

static const struct resource_request *pack_requests(struct packer *packer, const struct resource_request *from,
						    uint32_t count)
{
	struct resource_request *items = pack(packer, from, count * sizeof *items, _Alignof(struct resource_request));
	for (uint32_t i = 0; i < count; i++) {
		struct resource_request item = from[i];
		pack_str(packer, &item.resource);
		if (items)
			items[i] = item;
	}
	return items;
}

static void pack_consumer(struct packer *packer, struct consumer *h)
{
	pack_str(packer, &h->uid);
	pack_str(packer, &h->namespace);
	pack_str(packer, &h->name);
	pack_str(packer, &h->group);
	h->requests = pack_requests(packer, h->requests, h->request_count);
	h->allocated = pack_requests(packer, h->allocated, h->allocated_count);
	h->models = pack_strs(packer, h->models, h->model_count);
	h->node_models = pack_strs(packer, h->node_models, h->node_model_count);
}

static const struct node_expression *pack_expressions(struct packer *packer, const struct node_term *term)
{
	struct node_expression *items =
	    pack(packer, term->expressions, term->count * sizeof *items, _Alignof(struct node_expression));
	for (uint32_t i = 0; i < term->count; i++) {
		struct node_expression item = term->expressions[i];
		pack_str(packer, &item.key);
		pack_str(packer, &item.op);
		item.values.items = pack_strs(packer, item.values.items, item.values.count);
		if (items)
			items[i] = item;
	}
	return items;
}

static const struct pod *pack_placement(struct packer *packer, const struct pod *pod)
{
	struct pod copy = {.present = true,
			   .node_name = pod->node_name,
			   .node_selector = pod->node_selector,
			   .has_required_affinity = pod->has_required_affinity,
			   .node_term_count = pod->node_term_count,
			   .by_product = pod->by_product};
	struct pod *to = pack(packer, &copy, sizeof copy, _Alignof(struct pod));
	pack_str(packer, &copy.node_name);
	pack_pairs(packer, &copy.node_selector);
	struct node_term *terms =
	    pack(packer, pod->node_terms, pod->node_term_count * sizeof *terms, _Alignof(struct node_term));
	for (uint32_t i = 0; i < pod->node_term_count; i++) {
		struct node_term term = pod->node_terms[i];
		term.expressions = pack_expressions(packer, &term);
		if (terms)
			terms[i] = term;
	}
	copy.node_terms = terms;
	if (to)
		*to = copy;
	return to;
}

struct entry *entry_make(const struct consumer *consumer, const struct pod *pod)
{
	struct packer packer = {0};
	struct consumer copy = *consumer;
	pack_consumer(&packer, &copy);
	if (pod)
		pack_placement(&packer, pod);
	struct entry *entry = malloc(sizeof *entry + packer.at);
	if (!entry)
		return NULL;
	*entry = (struct entry){.consumer = *consumer};
	entry->consumer.gang = NULL;
	packer = (struct packer){.base = (char *)(entry + 1)};
	pack_consumer(&packer, &entry->consumer);
	if (pod)
		entry->placement = pack_placement(&packer, pod);
	return entry;
}

void entry_free(struct entry *entry)
{
	if (entry)
		free(entry->charges);
	free(entry);
}

void entry_put(struct entry_table *table, struct entry *old, struct entry *entry)
{
	if (old)
		hash_map_replace(&table->map, &old->in_table, &entry->in_table);
	else
		hash_map_add(&table->map, &entry->in_table, str_hash(entry->consumer.uid));
	entry_free(old);
}

void entry_drop(struct entry_table *table, struct entry *entry)
{
	hash_map_remove(&table->map, &entry->in_table);
	entry_free(entry);
}
