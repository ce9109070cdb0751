/*
 * path_secret: the secret at the end of the webhook paths, and the file that holds it. The file may
 * change while the server runs. Then the previous secret stays valid until the next change. The
 * file and the webhook configurations cannot change at the same moment, and no request may be
 * rejected in between.
 */
#ifndef WEBHOOK_BASE_PATH_SECRET_H
#define WEBHOOK_BASE_PATH_SECRET_H

#include "webhook/http/route.h"

struct path_secret;

/* Reads the file (see http_secret_load) and copies its name. Returns new, or NULL with an error. */
struct path_secret *path_secret_create(const char *file, struct error *err);

/* Overwrites the secrets and frees everything. Accepts NULL. */
void path_secret_destroy(struct path_secret *secret);

/*
 * Reads the file again. Returns 1 if it holds a different secret, 0 if it holds the same one.
 * Returns -1 with an error if the file is unusable; then nothing changes. Thread-safe.
 */
int path_secret_reload(struct path_secret *secret, struct error *err);

/*
 * Calls http_route_find with each valid secret, or without a secret if `secret` is NULL.
 * Thread-safe.
 */
bool path_secret_route(struct path_secret *secret, struct str target, struct http_route *route);

#endif
