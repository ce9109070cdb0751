/* certs_fetch: the certificates that a running server shows. */
#ifndef WEBHOOK_CMD_CERTS_FETCH_H
#define WEBHOOK_CMD_CERTS_FETCH_H

#include "gpugate/buf.h"
#include "gpugate/error.h"

/*
 * Connects to `address` (HOST:PORT, [::1]:PORT), asks by TLS for `server_name` (NULL: for nobody by name), and appends to `pem` what
 * the server shows, its own certificate first. Trusts nobody and says nothing to the server but that. Takes 10 s at most for each step.
 */
int certs_fetch(const char *address, const char *server_name, struct buf *pem, struct error *err);

#endif
