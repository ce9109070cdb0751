/*
 * gangs: the entries of each group of Pods that count: its Pods that hold something and are not
 * terminating, and its reservation. A group exists while it has entries. Not thread-safe.
 */
#ifndef WEBHOOK_LEDGER_GANGS_H
#define WEBHOOK_LEDGER_GANGS_H

#include "gpugate/hash_map.h"
#include "webhook/ledger/entry.h"

struct gang_group {
	struct hash_link in_map; /* Must come first. */
	struct entry *first;     /* List through entry.gang_next: reservations, then Pods. */
	uint32_t pods;           /* Number of its entries that are Pods. */
	struct str namespace;    /* Its bytes and those of `key` follow this struct. */
	struct str key;          /* consumer.group */
};

/* The map must not be moved after that. Returns 0, or -1 without memory. */
int gangs_init(struct hash_map *groups);
void gangs_release(struct hash_map *groups); /* Frees the groups; takes a zeroed map. */

/* Returns a group; NULL: it has no entries. Borrowed until an entry leaves it. */
struct gang_group *gangs_find(const struct hash_map *groups, struct str namespace, struct str key);

/*
 * Puts an entry into its group unless it is there. Returns 0, or -1 without memory. gangs_leave
 * removes it, if it is in one.
 */
int gangs_join(struct hash_map *groups, struct entry *entry);
void gangs_leave(struct hash_map *groups, struct entry *entry);

/*
 * Puts `entry` in the place of `old` if both are of the same group; otherwise `old` only leaves.
 * Needs no memory.
 */
void gangs_replace(struct hash_map *groups, struct entry *old, struct entry *entry);

#endif
