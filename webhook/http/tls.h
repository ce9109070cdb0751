/*
 * tls: the server's certificate and key, and the client CA. Both can be replaced while handshakes
 * are in progress. A replaced certificate lives until the last connection that uses it is closed.
 */
#ifndef WEBHOOK_HTTP_TLS_H
#define WEBHOOK_HTTP_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "webhook/http/tls_identity.h"

struct http_tls;

/*
 * Loads the PEM files and copies their names. `client_ca_file` may be NULL. `cert_file` and
 * `key_file` may both be NULL; handshakes then fail until http_tls_exchange provides a pair.
 * Returns new, or NULL with an error that says what to do.
 */
struct http_tls *http_tls_create(const char *cert_file, const char *key_file, const char *client_ca_file,
				 struct error *err);

/* Frees everything. All identities must have been released. Takes NULL. */
void http_tls_destroy(struct http_tls *tls);

/*
 * Reloads the files, without holding the mutex while reading them. The pair and the client CA are
 * replaced independently, each only if it is valid. Returns 0, or -1 with the first error.
 * Thread-safe, except that two threads must not call this at the same time.
 */
int http_tls_reload(struct http_tls *tls, struct error *err);

/*
 * Replaces the current pair with a PEM pair from memory. Copies what it needs; wiping `key` is up
 * to the caller. Returns 0, or -1 with an error if it is not a valid pair; the old one then stays.
 * Thread-safe.
 */
int http_tls_exchange(struct http_tls *tls, const struct buf *certificate, const struct buf *key, struct error *err);

/*
 * Returns the current identity, shared until release with http_tls_release, or NULL if there is
 * none yet. http_tls_release takes NULL. Both are thread-safe.
 */
struct tls_identity *http_tls_acquire(struct http_tls *tls);
void http_tls_release(struct http_tls *tls, struct tls_identity *identity);

/*
 * Appends the current chain in PEM, or nothing if there is none yet. Errors set pem->failed.
 * Thread-safe.
 */
void http_tls_chain(struct http_tls *tls, struct buf *pem);

/* Returns the earliest expiry in the current chain, or 0 if there is none yet. Thread-safe. */
time_t http_tls_expiry(struct http_tls *tls);

/* Whether a client CA is configured, so that clients must present a certificate. Thread-safe. */
bool http_tls_wants_clients(const struct http_tls *tls);

/*
 * Returns the time from which the current certificate is valid, or 0 if there is none yet.
 * Thread-safe.
 */
time_t http_tls_begin(struct http_tls *tls);

/*
 * Returns a number that starts at 1 and increases whenever the client CA is replaced. Clients that
 * were verified under an older generation must be verified again. Thread-safe.
 */
uint64_t http_tls_generation(const struct http_tls *tls);

/*
 * Verifies the client certificate of a session whose handshake is complete. It must be issued by
 * the client CA, currently valid and usable for client authentication. Unless `count` is 0, a
 * common name or DNS name must be equal to one of `names`. A client CA must be configured.
 *
 * Returns NULL if the certificate is accepted, or a static sentence that says why not. Thread-safe
 * for different sessions.
 */
const char *http_tls_refuse_client(struct http_tls *tls, gnutls_session_t session, char *const *names, size_t count);

#endif
