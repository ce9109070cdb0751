/* file: reads whole files of bounded size. */
#ifndef GPUGATE_FILE_H
#define GPUGATE_FILE_H

#include "gpugate/buf.h"

/* The path by which a program opens its standard input. */
#define FILE_STDIN "/dev/stdin"

/* Returns what messages call a file: its path, or "standard input" for FILE_STDIN. Borrows. */
struct str file_shown(struct str path);

/*
 * Appends a whole file to `out`, whose maximum is the limit. The memory for that maximum is
 * reserved first and never moves, so that no copies of a key are left behind. `path` is relative to
 * `folder`, which may be AT_FDCWD. `flags` are for open(2), in addition to O_RDONLY, O_CLOEXEC, and
 * O_NOCTTY; pass O_NONBLOCK if a pipe must not block the caller.
 *
 * Returns 0, or -1 with errno and out->len unchanged. EFBIG means that the file does not fit.
 * Thread-safe.
 */
int file_read(int folder, const char *path, int flags, struct buf *out);

/* Does the same with a file that is open, such as standard input, from its offset on. */
int file_read_open(int fd, struct buf *out);

#endif
