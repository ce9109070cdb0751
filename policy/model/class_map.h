/*
 * class_map: which device class a resource name stands for, because a DeviceClass of the cluster
 * has it as its extendedResourceName. It is built once, with a policy (policy_with_classes), and is
 * then read-only.
 */
#ifndef POLICY_MODEL_CLASS_MAP_H
#define POLICY_MODEL_CLASS_MAP_H

#include "gpugate/device_classes.h"
#include "policy/base/index.h"

struct class_map {
	struct index names;        /* By extendedResourceName; the id is an index into `classes`. */
	const struct str *classes; /* Resource names: deviceclass.resource.kubernetes.io/CLASS. */
	const char *gap;           /* See struct device_classes. */
};

/* Copies the classes to the arena. Returns 0, or -1 if it is exhausted. */
int class_map_init(struct class_map *map, const struct device_classes *classes, struct arena *arena);

/* Whether every name means the same by both. */
bool class_map_equal(const struct class_map *a, const struct class_map *b);

/*
 * Returns the resource name of the class that has this extendedResourceName, or an absent string.
 */
struct str class_map_find(const struct class_map *map, struct str name);

#endif
