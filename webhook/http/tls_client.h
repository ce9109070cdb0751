/* http_tls_client: what the certificate of a client is worth. Private to http_tls. */
#ifndef WEBHOOK_HTTP_TLS_CLIENT_H
#define WEBHOOK_HTTP_TLS_CLIENT_H

#include <gnutls/x509.h>
#include <stddef.h>

/* As http_tls_refuse_client, with these authorities. Thread-safe for different sessions. */
const char *http_tls_judge_client(gnutls_x509_trust_list_t trust, gnutls_session_t session, char *const *names,
				  size_t count);

#endif
