/* tls_client: verifies client certificates. Private to webhook/http/tls.c. */
#ifndef WEBHOOK_HTTP_TLS_CLIENT_H
#define WEBHOOK_HTTP_TLS_CLIENT_H

#include <gnutls/x509.h>
#include <stddef.h>

/*
 * Like http_tls_refuse_client, but with the authorities in `trust`. Thread-safe for different
 * sessions.
 */
const char *http_tls_judge_client(gnutls_x509_trust_list_t trust, gnutls_session_t session, char *const *names,
				  size_t count);

#endif
