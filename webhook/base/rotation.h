/*
 * rotation: appends lines to files in a folder, and removes the oldest files so that all of them
 * together never exceed a size. Files from before a restart count as well.
 *
 * The files are PREFIX-TIME-N.jsonl, with TIME such as 20261128T190736Z and N such as 000001. The
 * names sort by age, even if the clock is set back. Other files in the folder are left alone. A new
 * file begins at the start, and whenever the current one has reached an eighth of the size.
 *
 * A line is written as a whole or not at all. The files are only for their owner (mode 0600) and
 * are never opened through a symbolic link. Not thread-safe.
 */
#ifndef WEBHOOK_BASE_ROTATION_H
#define WEBHOOK_BASE_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

struct rotation;

/*
 * Opens the folder, which must exist, and the first file. Locks the folder, so that no other
 * process removes its files. Removes old files that are empty or do not fit into `max_bytes`.
 * Returns new, or NULL with an error that says what to do. Borrows `folder` and `prefix`.
 */
struct rotation *rotation_create(const char *folder, const char *prefix, uint64_t max_bytes, struct error *err);

/* Closes the file, and removes it if it is empty. Takes NULL. */
void rotation_destroy(struct rotation *rotation);

/* Whether a line of this length can be written at all: it is at most one file. */
bool rotation_fits(const struct rotation *rotation, size_t len);

/*
 * Appends a line, which ends in a newline and fits. Returns 0, or -1 with an error; then nothing of
 * the line is in the file, and a later call tries again.
 */
int rotation_write(struct rotation *rotation, struct str line, struct error *err);

#endif
