/* object_path: paths of single objects in the API. */
#ifndef WEBHOOK_SERVER_OBJECT_PATH_H
#define WEBHOOK_SERVER_OBJECT_PATH_H

#include "gpugate/arena.h"
#include "gpugate/str.h"

/* An object in a namespace. An empty group is the core group. */
struct object_name {
	struct str group, version, namespace, resource, name;
};

/*
 * Returns the path of the object, in the arena. Returns NULL without memory, or if the object is
 * not in a namespace, or if the names make no plain path, as those of hostile objects may.
 */
const char *object_path(const struct object_name *object, struct arena *arena);

#endif
