/*
 * tls_identity: a certificate chain and its key, read from PEM and checked. The errors name the options of `gpugate serve`.
 * Private to tls*.c, but for struct tls_identity. All functions may be called from any thread at once.
 */
#ifndef WEBHOOK_HTTP_TLS_IDENTITY_H
#define WEBHOOK_HTTP_TLS_IDENTITY_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <time.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

#define HTTP_CHAIN_MAX 16 /* certificates in one chain, ours or a client's */

/* A certificate, the rest of its chain, and the key. Immutable. */
struct tls_identity {
	unsigned references; /* under the owner's mutex */
	gnutls_pcert_st chain[HTTP_CHAIN_MAX];
	unsigned chain_length;
	gnutls_privkey_t key;
	time_t expiry; /* the earliest of the chain */
	time_t begin;  /* of the first */
};

#define TLS_FILE_BYTES_MAX (1u << 20)
#define TLS_READ_BYTES ((size_t)4096)
/* The last read finds the end of the file, or that it is too long. */
#define TLS_FILE_ROOM (TLS_FILE_BYTES_MAX + TLS_READ_BYTES)

/* Where a pair comes from, for errors. */
struct tls_origin {
	const char *certificate, *key; /* files, or other names for them */
};

static inline gnutls_datum_t tls_datum(const struct buf *buf)
{
	return (gnutls_datum_t){(unsigned char *)buf->ptr, (unsigned)buf->len};
}

/*
 * Reads a whole file into `out`, which has room for TLS_FILE_ROOM bytes. `what` and `option` are for the error. The file may
 * be a key: room is made for all of it at once, so that it does not move and leave copies behind. Returns 0 or -1.
 */
int tls_file_read(const char *file, const char *what, const char *option, struct buf *out, struct error *err);

/* Returns new, with one reference; NULL with an error that says what to do. The caller overwrites the key. */
struct tls_identity *tls_identity_create(const struct buf *certificate, const struct buf *key,
					 const struct tls_origin *origin, struct error *err);

/* The same from two files. */
struct tls_identity *tls_identity_load(const char *cert_file, const char *key_file, struct error *err);

/* Frees, whatever the references. Takes NULL. */
void tls_identity_free(struct tls_identity *identity);

#endif
