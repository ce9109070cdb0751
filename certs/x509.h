/* x509: what authorities and leaf certificates share, in OpenSSL's types. Private to certs/. */
#ifndef CERTS_X509_H
#define CERTS_X509_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gpugate/certs.h"

/* How far notBefore precedes the time of issue, to tolerate clocks that are behind. */
#define X509_BACKDATE_SECONDS 300

/* An extension in the notation of x509v3_config(5). */
struct x509_extension {
	int nid; /* NID_undef: the row is skipped. */
	const char *value;
};

/*
 * Sets the error to `what` and OpenSSL's last reason, and clears OpenSSL's error queue. Returns -1.
 */
int x509_fail(struct error *err, const char *what);

/*
 * Returns a new P-256 key, or NULL with an error. The caller frees it with EVP_PKEY_free, which
 * wipes it.
 */
EVP_PKEY *x509_key_create(struct error *err);

/*
 * Returns a new version 3 certificate for `key`, or NULL with an error. The caller frees it with
 * X509_free. It has a random serial number, the given validity, and `common_name` as its subject
 * (NULL: an empty subject). It has no issuer, extensions or signature yet.
 */
X509 *x509_create(EVP_PKEY *key, const char *common_name, time_t now, int64_t seconds, struct error *err);

/*
 * Adds extensions. `issuer` supplies the authority key identifier. For a self-signed certificate,
 * it is `cert`.
 */
int x509_extend(X509 *cert, X509 *issuer, const struct x509_extension *rows, size_t count, struct error *err);

/* Signs with SHA-256, or without a separate digest if the key's algorithm has a built-in one. */
int x509_sign(X509 *cert, EVP_PKEY *key, struct error *err);

/*
 * Writes the certificate, the key (both as PEM) and the expiry to `pair`, which must be empty.
 * Releases `pair` on failure.
 */
int x509_write(struct certs_pair *pair, X509 *cert, EVP_PKEY *key, struct error *err);

/*
 * Returns the first certificate of a PEM text, or NULL with an error that begins with `whose`. The
 * caller frees it with X509_free.
 */
X509 *x509_read_certificate(struct str pem, const char *whose, struct error *err);

/*
 * Returns the private key of a PEM text, or NULL with an error that begins with `whose`. The caller
 * frees it with EVP_PKEY_free. Never prompts for a password.
 */
EVP_PKEY *x509_read_key(struct str pem, const char *whose, struct error *err);

/* Whether the certificate may sign others (RFC 5280, 4.2.1.3 and 4.2.1.9). */
bool x509_is_authority(X509 *cert);

/* Converts an ASN.1 time. */
int x509_time(const ASN1_TIME *when, time_t *out, struct error *err);

#endif
