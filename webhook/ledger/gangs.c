#include "webhook/ledger/gangs.h"

#include <stdlib.h>
#include <string.h>

#include "gpugate/hash.h"

#define SLOTS_MIN 64

int gangs_init(struct hash_map *groups)
{
	return hash_map_init(groups, SLOTS_MIN);
}

void gangs_release(struct hash_map *groups)
{
	for (struct hash_link *link = hash_map_next(groups, NULL), *next; link; link = next) {
		next = hash_map_next(groups, link);
		free(link);
	}
	hash_map_release(groups);
}

/*
 * Tenants choose the names. The address of the map, which they do not know, keeps them from
 * choosing many that meet in one slot.
 */
static uint64_t hash_of(const struct hash_map *groups, struct str namespace, struct str key)
{
	uint64_t hash = hash_bytes(HASH_BEGIN ^ (uintptr_t)groups, namespace.ptr, namespace.len);
	hash = hash_bytes(hash_byte(hash, 0), key.ptr, key.len) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

struct gang_group *gangs_find(const struct hash_map *groups, struct str namespace, struct str key)
{
	uint64_t hash = hash_of(groups, namespace, key);
	for (struct hash_link *link = hash_map_chain(groups, hash); link; link = link->next) {
		struct gang_group *group = (struct gang_group *)(void *)link;
		if (link->hash == hash && str_eq(group->key, key) && str_eq(group->namespace, namespace))
			return group;
	}
	return NULL;
}

/* Returns new, without entries; NULL without memory. */
static struct gang_group *make_group(struct hash_map *groups, struct str namespace, struct str key)
{
	struct gang_group *group = malloc(sizeof *group + namespace.len + key.len);
	if (!group)
		return NULL;
	char *bytes = (char *)(group + 1);
	if (namespace.len)
		memcpy(bytes, namespace.ptr, namespace.len);
	memcpy(bytes + namespace.len, key.ptr, key.len);
	*group = (struct gang_group){.namespace = {bytes, namespace.len}, .key = {bytes + namespace.len, key.len}};
	hash_map_add(groups, &group->in_map, hash_of(groups, namespace, key));
	return group;
}

/* Reservations, of which there are few, come before the Pods. */
static void put(struct gang_group *group, struct entry *entry)
{
	struct entry **link = &group->first;
	while (!entry_is_reservation(entry) && *link && entry_is_reservation(*link))
		link = &(*link)->gang_next;
	entry->gang = group;
	entry->gang_next = *link;
	entry->gang_link = link;
	if (*link)
		(*link)->gang_link = &entry->gang_next;
	*link = entry;
	group->pods += !entry_is_reservation(entry);
}

static void take_out(struct entry *entry)
{
	*entry->gang_link = entry->gang_next;
	if (entry->gang_next)
		entry->gang_next->gang_link = entry->gang_link;
	entry->gang->pods -= !entry_is_reservation(entry);
	entry->gang = NULL;
	entry->gang_next = NULL;
	entry->gang_link = NULL;
}

int gangs_join(struct hash_map *groups, struct entry *entry)
{
	const struct consumer *consumer = &entry->consumer;
	if (entry->gang)
		return 0;
	struct gang_group *group = gangs_find(groups, consumer->namespace, consumer->group);
	if (!group)
		group = make_group(groups, consumer->namespace, consumer->group);
	if (!group)
		return -1;
	put(group, entry);
	return 0;
}

void gangs_leave(struct hash_map *groups, struct entry *entry)
{
	struct gang_group *group = entry->gang;
	if (!group)
		return;
	take_out(entry);
	if (group->first)
		return;
	hash_map_remove(groups, &group->in_map);
	free(group);
}

void gangs_replace(struct hash_map *groups, struct entry *old, struct entry *entry)
{
	struct gang_group *group = old->gang;
	if (group && str_eq(group->key, entry->consumer.group) && str_eq(group->namespace, entry->consumer.namespace))
		put(group, entry);
	gangs_leave(groups, old);
}
