#include "gpugate/hash_map.h"

#include <stdlib.h>

int hash_map_init(struct hash_map *map, uint32_t slots)
{
	*map = (struct hash_map){.slots = calloc(slots, sizeof *map->slots), .mask = slots - 1};
	return map->slots ? 0 : -1;
}

void hash_map_release(struct hash_map *map)
{
	free(map->slots);
	*map = (struct hash_map){0};
}

static void put(struct hash_map *map, struct hash_link *link)
{
	struct hash_link **slot = &map->slots[link->hash & map->mask];
	link->next = *slot;
	*slot = link;
}

/* Doubles the number of slots. Returns false if memory is exhausted. */
static bool grow(struct hash_map *map)
{
	struct hash_map larger;
	if (map->mask >= UINT32_MAX / 2 || hash_map_init(&larger, 2 * (map->mask + 1)) < 0)
		return false;
	for (uint32_t i = 0; i <= map->mask; i++)
		for (struct hash_link *link = map->slots[i], *next; link; link = next) {
			next = link->next;
			put(&larger, link);
		}
	larger.count = map->count;
	hash_map_release(map);
	*map = larger;
	return true;
}

bool hash_map_add(struct hash_map *map, struct hash_link *link, uint64_t hash)
{
	link->hash = hash;
	put(map, link);
	return ++map->count > map->mask && grow(map);
}

static struct hash_link **find(const struct hash_map *map, const struct hash_link *link)
{
	struct hash_link **at = &map->slots[link->hash & map->mask];
	while (*at != link)
		at = &(*at)->next;
	return at;
}

void hash_map_remove(struct hash_map *map, const struct hash_link *link)
{
	*find(map, link) = link->next;
	map->count--;
}

void hash_map_replace(struct hash_map *map, const struct hash_link *old, struct hash_link *link)
{
	link->next = old->next;
	link->hash = old->hash;
	*find(map, old) = link;
}

struct hash_link *hash_map_next(const struct hash_map *map, const struct hash_link *link)
{
	if (!map->slots || (link && link->next))
		return map->slots ? link->next : NULL;
	for (uint64_t i = link ? (link->hash & map->mask) + 1 : 0; i <= map->mask; i++)
		if (map->slots[i])
			return map->slots[i];
	return NULL;
}
