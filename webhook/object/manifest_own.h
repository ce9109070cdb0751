/* manifest_own: what manifest_read_own refuses, because its author may have meant otherwise. */
#ifndef WEBHOOK_OBJECT_MANIFEST_OWN_H
#define WEBHOOK_OBJECT_MANIFEST_OWN_H

#include <stdbool.h>

#include "gpugate/str.h"

#define MANIFEST_OWN_NUL "a text cannot have a NUL (\"\\0\"), which would hide what follows it; remove it"

/*
 * Says what is wrong with a scalar of YAML. `plain`: it is not quoted. `key`: it is a key of a map.
 * Returns NULL if nothing is, or a sentence, which may be in the buffer.
 */
const char *manifest_own_problem(struct str text, bool plain, bool key, char *buffer, size_t size);

/* Returns where the first NUL is in a text of valid JSON, or NULL. */
const char *manifest_own_nul(struct str json);

#endif
