/*
 * path_secret: the secret at the end of the endpoints' paths, and its file, which may change while
 * the server runs. After a change, the previous secret is accepted as well, until the next
 * change. The file and the registration never change at the same moment, and no request may be
 * rejected in between.
 */
#ifndef WEBHOOK_BASE_PATH_SECRET_H
#define WEBHOOK_BASE_PATH_SECRET_H

#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

#define PATH_SECRET_MAX 256 /* characters of a path secret */

struct path_secret;

/*
 * Reads the file that holds the path secret: 1 to PATH_SECRET_MAX characters (A-Z a-z 0-9 - . _ ~),
 * then at most one line end. Terminates `secret` with NUL. Returns 0, or -1 with an error that
 * names the file but shows none of its contents.
 */
int path_secret_load(const char *file, char secret[static PATH_SECRET_MAX + 1], struct error *err);

/* Reads the file (path_secret_load). Returns new; NULL with an error. Copies the file's name. */
struct path_secret *path_secret_create(const char *file, struct error *err);

/* Overwrites the secrets and frees everything. Accepts NULL. */
void path_secret_destroy(struct path_secret *secret);

/*
 * Reads the file again. Returns 1 if the secret has changed, 0 if not, or -1 with an error, which
 * changes nothing. Thread-safe.
 */
int path_secret_reload(struct path_secret *secret, struct error *err);

/*
 * Whether a request target ("/mutate/SECRET?timeout=10s", as sent, not decoded) is the path of an
 * endpoint ("/mutate") followed by an accepted secret. Without a secret (NULL), it must be the path
 * of the endpoint alone. The query is ignored. The time that this takes does not depend on how much
 * of the secret is right. Thread-safe.
 */
bool path_secret_admits(struct path_secret *secret, struct str endpoint, struct str target);

#endif
