/* tls_authority: the certificate authorities of client certificates. Private to tls*.c. */
#ifndef WEBHOOK_HTTP_TLS_AUTHORITY_H
#define WEBHOOK_HTTP_TLS_AUTHORITY_H

#include <gnutls/x509.h>

#include "gpugate/error.h"

/* Immutable except for `references`. */
struct tls_authority {
	unsigned references; /* Protected by the mutex of the struct http_tls. */
	gnutls_x509_trust_list_t list;
};

/*
 * Loads a PEM file with one or more certificates (--client-ca). Returns new, with one reference, or
 * NULL with an error. Thread-safe.
 */
struct tls_authority *tls_authority_load(const char *file, struct error *err);

/* Frees it, regardless of `references`. Accepts NULL. */
void tls_authority_free(struct tls_authority *authority);

#endif
