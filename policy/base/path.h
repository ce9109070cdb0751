/* path: absolute paths, compared without asking the file system. Pure. */
#ifndef POLICY_BASE_PATH_H
#define POLICY_BASE_PATH_H

#include "gpugate/str.h"

#define PATH_BYTES_MAX 4096 /* as in Linux */

/*
 * Resolves `.`, `..` and repeated slashes, and writes /var/run as /run, to which it is a link. The result has no slash
 * at its end; the root is empty. `out` has room for PATH_BYTES_MAX bytes. Returns false if the path is longer.
 */
bool path_normalize(struct str path, char *out, size_t *len);

/* Whether a path is the folder or lies below it. Both are normalized. */
bool path_is_below(struct str path, struct str folder);

#endif
