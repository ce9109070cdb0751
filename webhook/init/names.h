/* names: names of documents and quotas, made from labels and resource names. Pure. */
#ifndef WEBHOOK_INIT_NAMES_H
#define WEBHOOK_INIT_NAMES_H

#include "gpugate/str.h"

#define NAMES_BYTES_MAX 100

/*
 * Appends to the `*len` bytes of `name`, up to NAMES_BYTES_MAX, the characters of `text` that names
 * of documents may have. Capitals become small letters, all else becomes hyphens, several of them
 * one. The result ends with a letter or digit.
 */
void names_add(char *name, size_t *len, struct str text);

/* Returns the part of a resource name after the slash. */
struct str names_short(struct str resource);

#endif
