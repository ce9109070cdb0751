/* certs_fetch: the certificates that a running server presents. */
#ifndef WEBHOOK_CMD_CERTS_FETCH_H
#define WEBHOOK_CMD_CERTS_FETCH_H

#include "gpugate/buf.h"
#include "gpugate/error.h"

/*
 * Connects to `address` (HOST:PORT or [::1]:PORT), sends `server_name` by SNI (NULL: none), and
 * appends the certificates that the server presents to `pem`, its own certificate first. Does not
 * verify them, and sends nothing after the handshake. Each step takes at most 10 s. Returns 0, or
 * -1 with an error.
 */
int certs_fetch(const char *address, const char *server_name, struct buf *pem, struct error *err);

#endif
