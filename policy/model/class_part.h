/*
 * class_part: the names of resources for a part of a device of a device class. A claim that
 * requests one says of which MIG profile its devices are, or how much of their memory it takes:
 * deviceclass.resource.kubernetes.io/CLASS[profile=1g.10gb], or [memory=10Gi]. No class and no
 * resource has a bracket in its name. Pure, apart from memory of the arena.
 *
 * Consumers keep these names, whatever the policy. A policy that does not know the part counts the
 * class instead. That is not less for a part that is offered. A profile that no Accelerator offers
 * can cost more than the class, which costs as much as the most expensive profile that is offered.
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

#define CLASS_PROFILE_MAX 63 /* The longest profile; the same as CLAIM_PROFILE_MAX. */

/* Bytes of what such a name has after that of its class, with the end of the text. */
#define CLASS_PART_TEXT_MAX (CLASS_PROFILE_MAX + sizeof "[profile=]")

/* Writes what such a name has after that of its class, and returns its length. */
size_t class_part_print(const struct class_part *part, char text[static CLASS_PART_TEXT_MAX]);

/*
 * Returns the name by which a part of a device of the class is requested, in the arena; absent if
 * the arena is exhausted. If that would be longer than RESOURCE_NAME_MAX, it is the name of the
 * class instead: no DeviceClass and no policy has such a class.
 */
struct str class_part_resource(struct arena *arena, struct str class, const struct class_part *part);

/* Whether a name is that of a part. */
bool class_part_is(struct str name);

/* Returns the name of the class in such a name. Any other name is returned as it is. */
struct str class_part_whole(struct str name);

/* Returns how many bytes of memory such a name is for; 0: it is no name for an amount of memory. */
int64_t class_part_memory(struct str name);

#endif
