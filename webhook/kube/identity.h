/*
 * identity: the fields of a kube_config, and how they are read. Private to config*.c and exec*.c.
 * Each string is a separate allocation, so that it can be wiped.
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
	bool token_read; /* kube_config_token has tried to read the file at least once. */
	int64_t token_read_ms;
};

/*
 * Validates and normalizes the URL of the server into config->server. `where` is the prefix of the
 * error. Returns 0 or -1.
 */
int kube_identity_server(struct kube_config *config, const char *where, const char *url, struct error *err);

/*
 * Reads a whole file into `out`, in one allocation that never moves. `out` must own no memory; a
 * failure leaves it untouched or empty. Errors name the file and `what` it is for ("the token"). It
 * is an error if the file is empty or longer than `most` bytes. Returns 0 or -1.
 */
int kube_identity_read(const char *path, const char *what, size_t most, struct buf *out, struct error *err);

/* Reads a token: one line that is valid in an HTTP header. Returns 0 or -1. */
int kube_identity_read_token(const char *path, struct buf *out, struct error *err);

/* Trims white space at both ends. Returns whether the rest can be a token. */
bool kube_identity_trim_token(struct str *token);

#endif
