/*
 * group_objects: the objects of a simulation that say how many Pods belong together. `serve` reads
 * them from the API server.
 *
 * Not thread-safe.
 */
#ifndef WEBHOOK_SIMULATE_GROUP_OBJECTS_H
#define WEBHOOK_SIMULATE_GROUP_OBJECTS_H

#include "gpugate/hash_map.h"
#include "gpugate/pod_group.h"

struct group_object {
	struct str namespace; /* Empty or absent: of a PodGroup, whatever the namespace is. */
	struct str api_group, kind, name;
	struct str json; /* REVIEW_PADDING readable bytes follow. Absent: it says nothing. */
};

/* Zeroed, there are none. */
struct group_objects {
	struct group_object current; /* Borrowed. */
	struct hash_map kept;        /* Of struct kept_group. */
	uint64_t numbers;
};

void group_objects_release(struct group_objects *objects);

/* Returns a number from 1 on that was not returned before. */
uint64_t group_objects_number(struct group_objects *objects);

/*
 * From now on, this is the object that owns the Pods that are tried, until the next call; NULL:
 * none does. Borrows it.
 */
void group_objects_own(struct group_objects *objects, const struct group_object *object);

/*
 * Adds an object that exists, such as a PodGroup, or replaces the one of that kind and name. Copies
 * it. Returns 0, or -1 if memory is exhausted.
 */
int group_objects_add(struct group_objects *objects, const struct group_object *object);

/* Returns the JSON of the object that has the group, borrowed; absent: it is none of these. */
struct str group_objects_find(const struct group_objects *objects, struct str namespace, const struct pod_group *group);

#endif
