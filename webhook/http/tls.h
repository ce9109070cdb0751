/*
 * http_tls: the server's certificate and key, and the authority of its clients' certificates, each replaceable while
 * handshakes are under way. A replaced one lives until the last connection that uses it is closed.
 */
#ifndef WEBHOOK_HTTP_TLS_H
#define WEBHOOK_HTTP_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "webhook/http/tls_identity.h"

struct http_tls;

/*
 * Loads the files. `client_ca_file` may be NULL; so may the two of the pair: then handshakes fail until http_tls_exchange has
 * brought one. Copies the names. Returns new; NULL with an error that says what to do.
 */
struct http_tls *http_tls_create(const char *cert_file, const char *key_file, const char *client_ca_file,
				 struct error *err);

/* No connection may hold an identity any more. Takes NULL. */
void http_tls_destroy(struct http_tls *tls);

/*
 * Reads the files again, without a lock. The pair and the client CA are exchanged independently: each is taken if it is
 * good. Returns -1 with the first error if one of them was not. One caller at a time; otherwise thread-safe.
 */
int http_tls_reload(struct http_tls *tls, struct error *err);

/*
 * Takes a pair from memory, PEM, instead of the one in force. Copies what it needs; the caller overwrites the key. Returns -1
 * with an error when it is not a pair; then the old one stays. Thread-safe.
 */
int http_tls_exchange(struct http_tls *tls, const struct buf *certificate, const struct buf *key, struct error *err);

/* The identity in force (NULL: none yet), shared until released with http_tls_release (which takes NULL). Thread-safe. */
struct tls_identity *http_tls_acquire(struct http_tls *tls);
void http_tls_release(struct http_tls *tls, struct tls_identity *identity);

/* Appends the chain in force, PEM; nothing where there is none yet. Thread-safe. */
void http_tls_chain(struct http_tls *tls, struct buf *pem);

/* When the pair in force ends; 0: there is none yet. */
time_t http_tls_expiry(struct http_tls *tls);

/* Whether there is a client CA. */
bool http_tls_wants_clients(const struct http_tls *tls);

/* When the pair in force began to be valid; 0: there is none. Thread-safe. */
time_t http_tls_begin(struct http_tls *tls);

/* Rises whenever the client CA is exchanged: verdicts of an older generation are to be reached anew. Starts at 1. */
uint64_t http_tls_generation(const struct http_tls *tls);

/*
 * Whether the peer of a finished handshake has a certificate of the client CA, for client authentication, in its period,
 * with a common name or a DNS name equal to one of `names` (none: any name). Returns NULL when it has; otherwise one
 * sentence, static, that says why not. Thread-safe for different sessions.
 */
const char *http_tls_refuse_client(struct http_tls *tls, gnutls_session_t session, char *const *names, size_t count);

#endif
