/*
 * class_part: the names of resources for a part of a device of a device class. A claim that
 * requests one says of which MIG profile its devices are, or how much of their memory it takes:
 * deviceclass.resource.kubernetes.io/CLASS[profile=1g.10gb], or [memory=10Gi]. No class and no
 * resource has a bracket in its name. Pure, apart from memory of the arena.
 *
 * Consumers keep these names, whatever the policy. A policy, or an older replica, that does not
 * know the part counts the class instead, which is never less.
 */
#ifndef POLICY_MODEL_CLASS_PART_H
#define POLICY_MODEL_CLASS_PART_H

#include <stdint.h>

#include "gpugate/arena.h"
#include "gpugate/str.h"

/* At most one of the two is given. Without any, it is the whole device. */
struct class_part {
	struct str profile;
	int64_t memory; /* In bytes. */
};

/* The longest name of a part. One that would be longer is the name of the class instead. */
#define CLASS_PART_NAME_MAX 253

/*
 * Returns the name by which a part of a device of the class is requested, in the arena; absent if
 * the arena is exhausted.
 */
struct str class_part_resource(struct arena *arena, struct str class, const struct class_part *part);

/* Returns the name of the class in such a name. Any other name is returned as it is. */
struct str class_part_whole(struct str name);

/* Returns how many bytes of memory such a name is for; 0: it is no name for an amount of memory. */
int64_t class_part_memory(struct str name);

#endif
