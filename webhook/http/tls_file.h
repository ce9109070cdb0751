/* tls_file: reads the PEM files that options of `gpugate serve` name. Private to tls*.c. */
#ifndef WEBHOOK_HTTP_TLS_FILE_H
#define WEBHOOK_HTTP_TLS_FILE_H

#include <gnutls/gnutls.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

#define TLS_FILE_BYTES_MAX (1u << 20)

/* Returns the bytes of a buffer for GnuTLS. Borrows from the buffer. */
static inline gnutls_datum_t tls_datum(const struct buf *buf)
{
	return (gnutls_datum_t){(unsigned char *)buf->ptr, (unsigned)buf->len};
}

/*
 * Reads a whole file into `out`, whose maximum is TLS_FILE_BYTES_MAX. `what` and `option` appear in
 * errors. The buffer never moves, because the file may be a private key. Returns 0, or -1 with an
 * error. Thread-safe.
 */
int tls_file_read(const char *file, const char *what, const char *option, struct buf *out, struct error *err);

#endif
