/* input_file: the bytes of a file that a person names on the command line. */
#ifndef WEBHOOK_CMD_INPUT_FILE_H
#define WEBHOOK_CMD_INPUT_FILE_H

#include "gpugate/buf.h"
#include "gpugate/error.h"

/*
 * Appends the file, or standard input if `path` is "-", to `out`, whose maximum bounds it. Pipes
 * are read to their end. Returns 0, or -1 with an error that names the file.
 */
int input_file_read(const char *path, struct buf *out, struct error *err);

/* How messages name the file. */
const char *input_file_name(const char *path);

#endif
