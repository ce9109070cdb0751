/*
 * tls_identity: reads and checks a certificate chain and its key in PEM. Errors name the options
 * of `gpugate serve`. Only struct tls_identity is used outside tls*.c. All functions are
 * thread-safe.
 */
#ifndef WEBHOOK_HTTP_TLS_IDENTITY_H
#define WEBHOOK_HTTP_TLS_IDENTITY_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <time.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

#define HTTP_CHAIN_MAX 16 /* Maximum number of certificates in the chain of the server or of a client. */

/* A certificate, the rest of its chain, and the key. Immutable except for `references`. */
struct tls_identity {
	unsigned references; /* Protected by the mutex of the struct http_tls. */
	gnutls_pcert_st chain[HTTP_CHAIN_MAX];
	unsigned chain_length;
	gnutls_privkey_t key;
	time_t expiry; /* The earliest expiry in the chain. */
	time_t begin;  /* When the server's own certificate becomes valid. */
};

/* The origin of a pair, for errors. */
struct tls_origin {
	const char *certificate, *key; /* File names or descriptions. */
};

/* Returns new, with one reference, or NULL with an error. The caller overwrites the key in the buffer. */
struct tls_identity *tls_identity_create(const struct buf *certificate, const struct buf *key,
					 const struct tls_origin *origin, struct error *err);

/* Does the same from two files. */
struct tls_identity *tls_identity_load(const char *cert_file, const char *key_file, struct error *err);

/* Frees the identity whatever its references. Accepts NULL. */
void tls_identity_free(struct tls_identity *identity);

#endif
