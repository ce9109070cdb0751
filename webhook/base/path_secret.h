/*
 * path_secret: the secret last part of the paths that are answered, and its file, which may change while the server runs. After a
 * change the secret before it is accepted as well, until the next change: the file and the registration are never changed at the
 * same moment, and no request may be refused in between.
 */
#ifndef WEBHOOK_BASE_PATH_SECRET_H
#define WEBHOOK_BASE_PATH_SECRET_H

#include "webhook/http/route.h"

struct path_secret;

/* Reads the file (http_secret_load). Returns new; NULL with an error. Copies the file's name. */
struct path_secret *path_secret_create(const char *file, struct error *err);

/* Overwrites the secrets and frees. Takes NULL. */
void path_secret_destroy(struct path_secret *secret);

/* Reads the file again. Returns 1: it holds another secret; 0: the same one; -1, with an error: it cannot be used, and nothing has changed. */
int path_secret_reload(struct path_secret *secret, struct error *err);

/* http_route_find with each secret that is accepted; of a NULL `secret`: without one. Thread-safe. */
bool path_secret_route(struct path_secret *secret, struct str target, struct http_route *route);

#endif
