/* resource_version: the version of an object as a number. */
#ifndef WEBHOOK_KUBE_RESOURCE_VERSION_H
#define WEBHOOK_KUBE_RESOURCE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/*
 * Reads a version ("123"). Returns false when the text is not a number of 64 bits. The resourceVersions of one type of
 * object compare as numbers.
 */
bool kube_version(struct str text, uint64_t *version);

#endif
