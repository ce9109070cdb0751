/* path: compares absolute paths without access to the file system. Pure. */
#ifndef POLICY_BASE_PATH_H
#define POLICY_BASE_PATH_H

#include "gpugate/str.h"

#define PATH_BYTES_MAX 4096 /* PATH_MAX of Linux. */

/*
 * Resolves `.`, `..` and repeated slashes, and replaces /var/run by /run, to which it is a symbolic
 * link. The result has no trailing slash; the root becomes the empty string. `out` has room for
 * PATH_BYTES_MAX bytes. Returns false if the path is longer.
 */
bool path_normalize(struct str path, char *out, size_t *len);

/* Whether a path is the folder or lies below it. Both must be normalized. */
bool path_is_below(struct str path, struct str folder);

#endif
