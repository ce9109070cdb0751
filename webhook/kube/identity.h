/*
 * identity: the parts of a kube_config, and how they are read. Private to config*.c and exec*.c. Each text is an
 * allocation of its own, so that it can be wiped.
 */
#ifndef WEBHOOK_KUBE_IDENTITY_H
#define WEBHOOK_KUBE_IDENTITY_H

#include <stdbool.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

#define KUBE_FILE_BYTES_MAX (1 << 20)
#define KUBE_TOKEN_BYTES_MAX (64 << 10)

struct kube_config {
	char *server;
	char *server_name;
	char *name_space;
	struct buf ca, certificate, key, token;
	char *token_file;
	bool token_read; /* once at least, by kube_config_token */
	int64_t token_read_ms;
};

/* Checks and normalises the server's URL into config->server. `where` begins the error. */
int kube_identity_server(struct kube_config *config, const char *where, const char *url, struct error *err);

/*
 * Reads a whole file into `out`, which is empty, in one piece that is never moved. `what` ("the token") stands in errors,
 * which name the file. More than `most` bytes and an empty file are errors.
 */
int kube_identity_read(const char *path, const char *what, size_t most, struct buf *out, struct error *err);

/* Reads a token: one line that can stand in a header. */
int kube_identity_read_token(const char *path, struct buf *out, struct error *err);

/* Whether these bytes can be a token; cuts white space at both ends. */
bool kube_identity_trim_token(struct str *token);

#endif
