/*
 * output_path: file names for programs that have a checkout of a repository and no terminal, such
 * as code scanning. They know a file by its path from the working directory. Thread-safe.
 */
#ifndef WEBHOOK_CLI_OUTPUT_PATH_H
#define WEBHOOK_CLI_OUTPUT_PATH_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

/*
 * Appends the path without ".", ".." and repeated slashes: relative to `directory` if the file is
 * below it, else absolute. `directory` is an absolute path; it may be empty if it is not known, and
 * a relative path then stays one. Symbolic links are not followed. Returns whether the path is
 * relative. The directory itself is ".".
 */
bool output_path(struct str directory, struct str path, struct buf *out);

/* Appends the path as a URI reference (RFC 3986): percent-encoded, file:// if absolute. */
void output_path_uri(struct str path, struct buf *out);

#endif
