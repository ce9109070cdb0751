/* pem_files: certificates and keys in a folder. Keys are never readable by others, not even for a moment. */
#ifndef WEBHOOK_CMD_PEM_FILES_H
#define WEBHOOK_CMD_PEM_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "gpugate/certs.h"

/* A folder and the names of the two files of a pair in it. */
struct pem_files {
	int folder; /* descriptor; borrowed */
	const char *certificate;
	const char *key;
};

/*
 * Reads one PEM file of the folder (AT_FDCWD and a path will do, too) into `out`, in one piece that is never moved: a key must not leave
 * copies behind. Fails if it is empty, no file, or larger than CERTS_PEM_MAX.
 */
int pem_file_read(int folder, const char *name, struct buf *out, struct error *err);

/* How many of the two files exist: 0 to 2. -1 when that cannot be said. */
int pem_files_count(const struct pem_files *files, struct error *err);

/* Reads both into `pair`, which has been initialised and is empty. `not_after` stays 0. */
int pem_files_read(const struct pem_files *files, struct certs_pair *pair, struct error *err);

/*
 * Writes both, the key first, each under another name that then replaces the old file: a reader sees an old or a new
 * file, never half of one. The key's mode is 0600. On failure what was there before may be replaced in part.
 */
int pem_files_write(const struct pem_files *files, const struct certs_pair *pair, struct error *err);

#endif
