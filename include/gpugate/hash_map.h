/*
 * hash_map: a hash table of elements that the caller allocates, compares, and frees. An element
 * contains a struct hash_link, and a slot is a list of links. To find an element, the caller walks
 * the list from hash_map_chain and compares hashes and keys. On average, there is at most one
 * element per slot. If there is no memory for more slots, the lists grow. Not thread-safe.
 */
#ifndef GPUGATE_HASH_MAP_H
#define GPUGATE_HASH_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_link {
	struct hash_link *next; /* In the same slot. */
	uint64_t hash;
};

/* A zeroed map is an empty table to which nothing can be added. */
struct hash_map {
	struct hash_link **slots;
	uint32_t mask; /* The number of slots, a power of two, minus 1. */
	uint32_t count;
};

/* Initializes an empty table. `slots` is a power of two. Returns 0, or -1 without memory. */
int hash_map_init(struct hash_map *map, uint32_t slots);

/* Frees the slots, but not the elements. */
void hash_map_release(struct hash_map *map);

/* Returns the first link of the slot for that hash, or NULL. */
static inline struct hash_link *hash_map_chain(const struct hash_map *map, uint64_t hash)
{
	return map->slots ? map->slots[hash & map->mask] : NULL;
}

/* Adds an element. Returns whether the elements have moved to other slots. */
bool hash_map_add(struct hash_map *map, struct hash_link *link, uint64_t hash);

/* Removes an element, or puts `link` in the place of one that has the same key. */
void hash_map_remove(struct hash_map *map, const struct hash_link *link);
void hash_map_replace(struct hash_map *map, const struct hash_link *old, struct hash_link *link);

/*
 * Returns the element after `link`, or the first one if `link` is NULL; NULL at the end. The order
 * is unspecified. Between two calls, elements other than `link` may be removed or replaced, but
 * none may be added.
 */
struct hash_link *hash_map_next(const struct hash_map *map, const struct hash_link *link);

#endif
