/*
 * pem_files: certificates and keys in a folder. Keys are never readable by others, not even
 * temporarily.
 */
#ifndef WEBHOOK_CMD_PEM_FILES_H
#define WEBHOOK_CMD_PEM_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "gpugate/certs.h"

/* A folder and the names of the two files of a pair in it. */
struct pem_files {
	int folder; /* Descriptor; borrowed. */
	const char *certificate;
	const char *key;
};

/*
 * Reads one PEM file of the folder into `out`, which must be empty and whose maximum is
 * CERTS_PEM_MAX. `folder` may be AT_FDCWD, with a path as `name`. Fails if the file is empty or
 * larger. The buffer never moves, so that no copies of a key are left behind. Returns 0 or -1.
 */
int pem_file_read(int folder, const char *name, struct buf *out, struct error *err);

/* Returns how many of the two files exist, 0 to 2, or -1 with an error. */
int pem_files_count(const struct pem_files *files, struct error *err);

/*
 * Reads both files into `pair`, which must be initialized and empty. `not_after` stays 0. Returns 0
 * or -1.
 */
int pem_files_read(const struct pem_files *files, struct certs_pair *pair, struct error *err);

/*
 * Writes both files. Both are complete under temporary names before the first one replaces its old
 * file, so readers never see a partial file. The mode of the key is 0600. Returns 0, or -1 with an
 * error that says what is in the folder. That is the old pair, unless the key cannot be put back on
 * a file system that cannot exchange files.
 */
int pem_files_write(const struct pem_files *files, const struct certs_pair *pair, struct error *err);

#endif
