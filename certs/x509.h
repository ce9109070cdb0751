/*
 * x509: what the authority and its leaves have in common, in OpenSSL's types. Private to certs/.
 */
#ifndef CERTS_X509_H
#define CERTS_X509_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gpugate/certs.h"

/* How far a certificate's start lies before the moment it is made, for clocks that are behind. */
#define X509_BACKDATE_SECONDS 300

/* An extension in the notation of x509v3_config(5). */
struct x509_extension {
	int nid; /* NID_undef: left out */
	const char *value;
};

/* Sets the error to `what` and the reason OpenSSL gave last, and empties OpenSSL's queue. Returns -1. */
int x509_fail(struct error *err, const char *what);

/* Returns a new P-256 key, to be freed with EVP_PKEY_free (which wipes it), or NULL. */
EVP_PKEY *x509_key_create(struct error *err);

/*
 * Returns a new version 3 certificate for `key`, to be freed with X509_free, with a random serial number and the given
 * subject (NULL: an empty one) and lifetime; no issuer, no extensions, no signature yet. NULL on failure.
 */
X509 *x509_create(EVP_PKEY *key, const char *common_name, time_t now, int64_t seconds, struct error *err);

/* Adds extensions. `issuer` supplies the authority key identifier; for a self-signed certificate it is `cert`. */
int x509_extend(X509 *cert, X509 *issuer, const struct x509_extension *rows, size_t count, struct error *err);

/* Signs with the digest that the key wants. */
int x509_sign(X509 *cert, EVP_PKEY *key, struct error *err);

/* Writes both as PEM, and the expiry, into `pair`; on failure it is released. */
int x509_write(struct certs_pair *pair, X509 *cert, EVP_PKEY *key, struct error *err);

/* Returns the first certificate of a PEM text, to be freed with X509_free, or NULL. Errors begin with `whose`. */
X509 *x509_read_certificate(struct str pem, const char *whose, struct error *err);

/* Returns the private key of a PEM text, to be freed with EVP_PKEY_free, or NULL. Never asks for a password. */
EVP_PKEY *x509_read_key(struct str pem, const char *whose, struct error *err);

/* Whether it may sign others (RFC 5280, 4.2.1.3 and 4.2.1.9). */
bool x509_is_authority(X509 *cert);

/* The moment that an ASN.1 time means. */
int x509_time(const ASN1_TIME *when, time_t *out, struct error *err);

#endif
