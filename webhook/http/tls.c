#include "webhook/http/tls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "webhook/http/tls_authority.h"
#include "webhook/http/tls_client.h"

struct http_tls {
	char *cert_file, *key_file, *client_ca_file;
	pthread_mutex_t mutex; /* Protects both pointers and all reference counts. Not held during I/O or crypto. */
	struct tls_identity *identity;   /* NULL if there is none yet. */
	struct tls_authority *authority; /* NULL if no client certificates are requested. */
	_Atomic uint64_t generation;
};

static int copy_name(const char *from, char **to, struct error *err)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? error_set(err, "not enough memory for TLS") : 0;
}

struct http_tls *http_tls_create(const char *cert_file, const char *key_file, const char *client_ca_file,
				 struct error *err)
{
	struct http_tls *tls = calloc(1, sizeof *tls);
	if (!tls) {
		error_set(err, "not enough memory for TLS");
		return NULL;
	}
	pthread_mutex_init(&tls->mutex, NULL);
	atomic_init(&tls->generation, 1);
	if (copy_name(cert_file, &tls->cert_file, err) == 0 && copy_name(key_file, &tls->key_file, err) == 0 &&
	    copy_name(client_ca_file, &tls->client_ca_file, err) == 0 &&
	    (!cert_file || (tls->identity = tls_identity_load(tls->cert_file, tls->key_file, err))) &&
	    (!client_ca_file || (tls->authority = tls_authority_load(client_ca_file, err))))
		return tls;
	http_tls_destroy(tls);
	return NULL;
}

void http_tls_destroy(struct http_tls *tls)
{
	if (!tls)
		return;
	tls_identity_free(tls->identity);
	tls_authority_free(tls->authority);
	pthread_mutex_destroy(&tls->mutex);
	free(tls->cert_file);
	free(tls->key_file);
	free(tls->client_ca_file);
	free(tls);
}

struct tls_identity *http_tls_acquire(struct http_tls *tls)
{
	pthread_mutex_lock(&tls->mutex);
	struct tls_identity *identity = tls->identity;
	if (identity)
		identity->references++;
	pthread_mutex_unlock(&tls->mutex);
	return identity;
}

void http_tls_release(struct http_tls *tls, struct tls_identity *identity)
{
	if (!identity)
		return;
	pthread_mutex_lock(&tls->mutex);
	bool last = --identity->references == 0;
	pthread_mutex_unlock(&tls->mutex);
	if (last)
		tls_identity_free(identity);
}

static struct tls_authority *acquire_authority(struct http_tls *tls)
{
	pthread_mutex_lock(&tls->mutex);
	struct tls_authority *authority = tls->authority;
	authority->references++;
	pthread_mutex_unlock(&tls->mutex);
	return authority;
}

static void release_authority(struct http_tls *tls, struct tls_authority *authority)
{
	pthread_mutex_lock(&tls->mutex);
	bool last = --authority->references == 0;
	pthread_mutex_unlock(&tls->mutex);
	if (last)
		tls_authority_free(authority);
}

/*
 * Takes `identity` for new handshakes. Handshakes in progress keep the identity that they have
 * acquired.
 */
static void put_identity(struct http_tls *tls, struct tls_identity *identity)
{
	pthread_mutex_lock(&tls->mutex);
	struct tls_identity *old = tls->identity;
	tls->identity = identity;
	pthread_mutex_unlock(&tls->mutex);
	http_tls_release(tls, old);
}

static void put_authority(struct http_tls *tls, struct tls_authority *authority)
{
	pthread_mutex_lock(&tls->mutex);
	struct tls_authority *old = tls->authority;
	tls->authority = authority;
	atomic_fetch_add(&tls->generation, 1);
	pthread_mutex_unlock(&tls->mutex);
	release_authority(tls, old);
}

int http_tls_exchange(struct http_tls *tls, const struct buf *certificate, const struct buf *key, struct error *err)
{
	static const struct tls_origin origin = {"that was issued", "that was made"};
	struct tls_identity *identity = tls_identity_create(certificate, key, &origin, err);
	if (identity)
		put_identity(tls, identity);
	return identity ? 0 : -1;
}

int http_tls_reload(struct http_tls *tls, struct error *err)
{
	struct tls_identity *identity = tls->cert_file ? tls_identity_load(tls->cert_file, tls->key_file, err) : NULL;
	struct tls_authority *authority = tls->client_ca_file ? tls_authority_load(tls->client_ca_file, err) : NULL;
	bool whole = (identity || !tls->cert_file) && (authority || !tls->client_ca_file);
	if (identity)
		put_identity(tls, identity);
	if (authority)
		put_authority(tls, authority);
	return whole ? 0 : -1;
}

void http_tls_chain(struct http_tls *tls, struct buf *pem)
{
	struct tls_identity *identity = http_tls_acquire(tls);
	for (unsigned i = 0; identity && i < identity->chain_length; i++) {
		gnutls_datum_t text = {NULL, 0};
		if (gnutls_pem_base64_encode2("CERTIFICATE", &identity->chain[i].cert, &text) < 0)
			pem->failed = true;
		buf_str(pem, (struct str){(const char *)text.data, text.size});
		gnutls_free(text.data);
	}
	http_tls_release(tls, identity);
}

time_t http_tls_expiry(struct http_tls *tls)
{
	pthread_mutex_lock(&tls->mutex);
	time_t expiry = tls->identity ? tls->identity->expiry : 0;
	pthread_mutex_unlock(&tls->mutex);
	return expiry;
}

bool http_tls_wants_clients(const struct http_tls *tls)
{
	return tls->client_ca_file != NULL;
}

time_t http_tls_begin(struct http_tls *tls)
{
	struct tls_identity *identity = http_tls_acquire(tls);
	time_t begin = identity ? identity->begin : 0;
	http_tls_release(tls, identity);
	return begin;
}

uint64_t http_tls_generation(const struct http_tls *tls)
{
	return atomic_load(&tls->generation);
}

const char *http_tls_refuse_client(struct http_tls *tls, gnutls_session_t session, char *const *names, size_t count)
{
	struct tls_authority *authority = acquire_authority(tls);
	const char *why = http_tls_judge_client(authority->list, session, names, count);
	release_authority(tls, authority);
	return why;
}
