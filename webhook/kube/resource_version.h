/* resource_version: the version of an object as a number. */
#ifndef WEBHOOK_KUBE_RESOURCE_VERSION_H
#define WEBHOOK_KUBE_RESOURCE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/*
 * Parses a resourceVersion ("123"). Returns false if the text is not an unsigned 64-bit number.
 * Versions of objects of the same resource compare as numbers.
 */
bool kube_version(struct str text, uint64_t *version);

#endif
