/* patch_changes: a JSON Patch of /mutate as the list of changes that an explanation has. */
#ifndef WEBHOOK_SIMULATE_PATCH_CHANGES_H
#define WEBHOOK_SIMULATE_PATCH_CHANGES_H

#include <jansson.h>

#include "gpugate/pod.h"

/*
 * Returns, new, the changes of a patch for print_changes. They have no Rule, which a patch does not
 * name. `pod` is the one that the patch is for, with the names of containers and what is removed;
 * NULL: not known. What /mutate never writes is of the kind "other". Returns NULL without memory.
 */
json_t *patch_changes(const json_t *patch, const struct pod *pod);

#endif
