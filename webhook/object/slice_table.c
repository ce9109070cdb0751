#include "webhook/object/slice_table.h"

#include <stdlib.h>

#include "gpugate/product_label.h"

#define SLOTS_MIN 64
/* Bytes of a name; the API server allows no longer ones, except for those of pools. */
#define NAME_MAX_BYTES 253

/* A slice, in one allocation with its strings. */
struct kept {
	struct hash_link in_map; /* Must come first. */
	uint32_t list;           /* Of the last list that contained it. */
	bool differs;            /* Its devices are of several products. */
	int64_t generation;
	struct str name, pool, node;
	struct str key, value; /* The label of the product; the value may be absent. */
};

static struct kept *next_of(const struct slice_table *table, const struct kept *slice)
{
	return (struct kept *)(void *)hash_map_next(&table->map, slice ? &slice->in_map : NULL);
}

static struct kept *find(const struct slice_table *table, struct str name)
{
	uint64_t hash = str_hash(name);
	struct hash_link *link = hash_map_chain(&table->map, hash);
	while (link && !(link->hash == hash && str_eq(((struct kept *)(void *)link)->name, name)))
		link = link->next;
	return (struct kept *)(void *)link;
}

void slice_table_release(struct slice_table *table)
{
	for (struct kept *slice = next_of(table, NULL), *next; slice; slice = next) {
		next = next_of(table, slice);
		free(slice);
	}
	hash_map_release(&table->map);
	*table = (struct slice_table){.list = 0};
}

/* --- Changes --- */

/*
 * Finds the only value of the label that the products of a slice have. A product that makes no
 * value differs from all others. A device without a product says nothing.
 */
static void find_value(const struct resource_slice *slice, char value[PRODUCT_LABEL_MAX], struct kept *kept)
{
	char text[PRODUCT_LABEL_MAX];
	kept->value = (struct str){value, 0};
	for (uint32_t i = 0; i < slice->device_count; i++) {
		size_t len = product_label_value(slice->driver, slice->devices[i].product, text);
		bool unnamed = len == 0 && slice->devices[i].product.len > 0;
		if (!unnamed && (len == 0 || str_eq(kept->value, (struct str){text, len})))
			continue;
		kept->differs = unnamed || kept->value.len > 0;
		if (kept->differs) {
			kept->value.len = 0;
			return;
		}
		memcpy(value, text, len);
		kept->value.len = len;
	}
}

static bool is_same(const struct kept *a, const struct kept *b)
{
	return a->differs == b->differs && a->generation == b->generation && str_eq(a->pool, b->pool) &&
	       str_eq(a->node, b->node) && str_eq(a->key, b->key) && str_eq(a->value, b->value);
}

static struct str put(char **at, struct str s)
{
	struct str copy = {*at, s.len};
	if (s.len)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return copy;
}

/* Returns new, or NULL without memory. */
static struct kept *copy(const struct kept *slice)
{
	struct kept *made =
	    malloc(sizeof *made + slice->name.len + slice->pool.len + slice->node.len + slice->value.len);
	if (!made)
		return NULL;
	char *at = (char *)(made + 1);
	*made = *slice;
	made->name = put(&at, slice->name);
	made->pool = put(&at, slice->pool);
	made->node = put(&at, slice->node);
	made->value = put(&at, slice->value);
	return made;
}

static bool can_be_kept(const struct resource_slice *slice)
{
	return str_present(product_label_key(slice->driver)) && slice->name.len <= NAME_MAX_BYTES &&
	       slice->pool.len <= NAME_MAX_BYTES && slice->node.len <= NAME_MAX_BYTES;
}

int slice_table_set(struct slice_table *table, const struct resource_slice *slice)
{
	char value[PRODUCT_LABEL_MAX];
	struct kept fresh = {.list = table->list,
			     .generation = slice->generation,
			     .name = slice->name,
			     .pool = slice->pool,
			     .node = slice->node,
			     .key = product_label_key(slice->driver)};
	if (!can_be_kept(slice))
		return slice_table_remove(table, slice->name);
	if (!table->map.slots && hash_map_init(&table->map, SLOTS_MIN) < 0)
		return -1;
	struct kept *old = find(table, slice->name);
	find_value(slice, value, &fresh);
	if (old && is_same(old, &fresh)) {
		old->list = table->list;
		return 0;
	}
	struct kept *made = old || table->map.count < RESOURCE_SLICES_MAX ? copy(&fresh) : NULL;
	if (!made)
		return -1;
	if (old)
		hash_map_replace(&table->map, &old->in_map, &made->in_map);
	else
		hash_map_add(&table->map, &made->in_map, str_hash(made->name));
	free(old);
	return 1;
}

static void drop(struct slice_table *table, struct kept *slice)
{
	hash_map_remove(&table->map, &slice->in_map);
	free(slice);
}

bool slice_table_remove(struct slice_table *table, struct str name)
{
	struct kept *slice = find(table, name);
	if (slice)
		drop(table, slice);
	return slice != NULL;
}

void slice_table_list_begin(struct slice_table *table)
{
	table->list++;
}

bool slice_table_list_end(struct slice_table *table)
{
	bool some = false;
	for (struct kept *slice = next_of(table, NULL), *next; slice; slice = next) {
		next = next_of(table, slice);
		if (slice->list == table->list)
			continue;
		drop(table, slice);
		some = true;
	}
	return some;
}

/* --- Nodes --- */

/* By pool, which belongs to a driver and so to its label, the newest generation first. */
static int compare_pools(const void *a, const void *b)
{
	const struct kept *one = *(const struct kept *const *)a, *other = *(const struct kept *const *)b;
	int order = str_cmp(one->key, other->key);
	order = order ? order : str_cmp(one->pool, other->pool);
	return order ? order : (one->generation < other->generation) - (one->generation > other->generation);
}

static int compare_nodes(const void *a, const void *b)
{
	const struct kept *one = *(const struct kept *const *)a, *other = *(const struct kept *const *)b;
	int order = str_cmp(one->node, other->node);
	return order ? order : str_cmp(one->key, other->key);
}

/* Keeps the slices that are of a node, and of the newest generation of their pool. */
static uint32_t keep_valid(const struct kept **slices, uint32_t count)
{
	uint32_t valid = 0;
	const struct kept *newest = NULL;
	for (uint32_t i = 0; i < count; i++) {
		const struct kept *slice = slices[i];
		if (!newest || !str_eq(newest->key, slice->key) || !str_eq(newest->pool, slice->pool))
			newest = slice;
		if (slice->generation == newest->generation && slice->node.len)
			slices[valid++] = slice;
	}
	return valid;
}

/* Joins the slices from `first` that are of one node and label. Returns how many they are. */
static uint32_t join(const struct kept *const *slices, uint32_t count, struct pair *label)
{
	uint32_t n = 0;
	bool differs = false;
	*label = (struct pair){.key = slices[0]->key};
	for (; n < count && compare_nodes(&slices[n], &slices[0]) == 0; n++) {
		bool named = slices[n]->value.len > 0;
		differs |= slices[n]->differs || (named && label->value.len && !str_eq(slices[n]->value, label->value));
		label->value = named ? slices[n]->value : label->value;
	}
	if (differs)
		label->value.len = 0;
	return n;
}

int slice_table_nodes(const struct slice_table *table, struct named_pairs **nodes, uint32_t *count)
{
	uint32_t all = table->map.count, labels = 0, joined;
	struct named_pairs *made = malloc(all * (sizeof *made + sizeof(struct pair)) + 1);
	const struct kept **slices = malloc(all * sizeof *slices + 1);
	if (!made || !slices) {
		free(made);
		free(slices);
		return -1;
	}
	struct pair *pairs = (struct pair *)(made + all);
	all = 0;
	for (const struct kept *slice = next_of(table, NULL); slice; slice = next_of(table, slice))
		slices[all++] = slice;
	qsort(slices, all, sizeof *slices, compare_pools);
	all = keep_valid(slices, all);
	qsort(slices, all, sizeof *slices, compare_nodes);
	*count = 0;
	for (uint32_t i = 0; i < all; i += joined) {
		struct named_pairs *last = *count ? &made[*count - 1] : NULL;
		joined = join(&slices[i], all - i, &pairs[labels]);
		if (pairs[labels].value.len == 0)
			continue;
		if (!last || !str_eq(last->name, slices[i]->node)) {
			last = &made[(*count)++];
			*last = (struct named_pairs){slices[i]->node, {&pairs[labels], 0, true}};
		}
		last->pairs.count++;
		labels++;
	}
	free(slices);
	*nodes = made;
	return 0;
}
