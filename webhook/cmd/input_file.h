/* input_file: reads a file that is named on the command line. */
#ifndef WEBHOOK_CMD_INPUT_FILE_H
#define WEBHOOK_CMD_INPUT_FILE_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/object/manifest.h"

/*
 * Appends the contents of the file, or of standard input if `path` is "-", to `out`, whose maximum
 * is the limit. A pipe is read to its end. Returns 0, or -1 with an error that names the file.
 */
int input_file_read(const char *path, struct buf *out, struct error *err);

/*
 * Reads the file as a manifest, which borrows `path`. Returns 0, or -1 with an error and nothing
 * to release.
 */
int input_file_manifest(const char *path, struct manifest *manifest, struct error *err);

/* Does the same by manifest_read_exact, for a file in which findings point at keys and values. */
int input_file_manifest_exact(const char *path, struct manifest *manifest, struct error *err);

/* Returns the name of the file for messages. */
const char *input_file_name(const char *path);

#endif
