/* json_patch: applies a JSON Patch (RFC 6902) to a tree, as the API server does. */
#ifndef WEBHOOK_SIMULATE_JSON_PATCH_H
#define WEBHOOK_SIMULATE_JSON_PATCH_H

#include <jansson.h>

/*
 * Applies the operations add, replace and remove, in their order. Returns 0, or -1 if one cannot be
 * applied; the tree is then changed in part. `*root` itself is never replaced.
 */
int json_patch_apply(json_t *root, const json_t *patch);

/* Decodes one part of a path (RFC 6901) in place. */
void json_patch_unescape(char *part);

#endif
