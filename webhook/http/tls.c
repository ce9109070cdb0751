#include "webhook/http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/buf.h"
#include "webhook/http/tls_client.h"

#define FILE_BYTES_MAX (1u << 20)
#define READ_BYTES ((size_t)4096)
#define FILE_ROOM (FILE_BYTES_MAX + READ_BYTES) /* The last read finds the end of the file or an excess byte. */

struct tls_trust {
	unsigned references; /* Protected by the mutex of the struct http_tls. */
	gnutls_x509_trust_list_t list;
};

struct http_tls {
	char *cert_file, *key_file, *client_ca_file;
	pthread_mutex_t mutex; /* Protects both pointers and all reference counts. Not held during I/O or crypto. */
	struct tls_identity *identity; /* NULL if there is none yet. */
	struct tls_trust *trust;       /* NULL if no client certificates are requested. */
	_Atomic uint64_t generation;
};

static void identity_free(struct tls_identity *identity)
{
	if (!identity)
		return;
	for (unsigned i = 0; i < identity->chain_length; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	gnutls_privkey_deinit(identity->key);
	free(identity);
}

static void trust_free(struct tls_trust *trust)
{
	if (!trust)
		return;
	if (trust->list)
		gnutls_x509_trust_list_deinit(trust->list, 1);
	free(trust);
}

/*
 * Reads a whole file into `out`. `what` and `option` appear in errors. The file may be a private
 * key, so the buffer is allocated in one piece: growing it could leave copies of the key in freed
 * memory.
 */
static int read_file(const char *file, const char *what, const char *option, struct buf *out, struct error *err)
{
	struct stat status;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set(err, "cannot read the %s %.200s: %s; name a readable file with %s", what, file,
				 strerror(errno), option);
	if (fstat(fd, &status) == 0 && status.st_size > 0 && status.st_size <= (off_t)FILE_BYTES_MAX)
		buf_reserve(out, (size_t)status.st_size + READ_BYTES);
	ssize_t got;
	do {
		char *to = buf_reserve(out, READ_BYTES);
		got = to ? read(fd, to, READ_BYTES) : -1;
		if (got > 0)
			out->len += (size_t)got;
	} while ((got > 0 && out->len <= FILE_BYTES_MAX) || (got < 0 && !out->failed && errno == EINTR));
	int number = errno;
	close(fd);
	if (out->len > FILE_BYTES_MAX)
		return error_set(err, "the %s %.200s is larger than 1 MiB; name a PEM file with %s", what, file,
				 option);
	if (got < 0)
		return error_set(err, "cannot read the %s %.200s: %s; name a readable file with %s", what, file,
				 strerror(number), option);
	return 0;
}

static gnutls_datum_t datum(const struct buf *buf)
{
	return (gnutls_datum_t){(unsigned char *)buf->ptr, (unsigned)buf->len};
}

/* The origin of a pair, for errors. */
struct origin {
	const char *certificate, *key; /* File names or descriptions. */
};

/*
 * Whether a PEM text has a block whose label contains `kind`, such as "CERTIFICATE" or "PRIVATE
 * KEY".
 */
static bool has_block(const struct buf *text, const char *kind)
{
	const char *at = text->ptr, *end = text->ptr + text->len;
	while (at && (at = memmem(at, (size_t)(end - at), "-----BEGIN ", 11)) != NULL) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		if (memmem(at, (size_t)((line ? line : end) - at), kind, strlen(kind)))
			return true;
		at = line;
	}
	return false;
}

static int refuse_key(const struct buf *text, const struct origin *origin, struct error *err)
{
	if (has_block(text, "ENCRYPTED PRIVATE KEY"))
		return error_set(err, "the key %.200s is encrypted; give --tls-key one without a passphrase",
				 origin->key);
	if (has_block(text, "PRIVATE KEY"))
		return error_set(err, "the private key in %.200s cannot be read; is the file complete?", origin->key);
	if (has_block(text, "CERTIFICATE"))
		return error_set(err, "the key %.200s is a certificate; are --tls-cert and --tls-key swapped?",
				 origin->key);
	return error_set(err, "the key %.200s contains no private key in PEM; name a file that does with --tls-key",
			 origin->key);
}

static int take_key(gnutls_privkey_t key, const struct buf *text, const struct origin *origin, struct error *err)
{
	gnutls_datum_t pem = datum(text);
	int code = gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code == GNUTLS_E_DECRYPTION_FAILED)
		return error_set(err, "the key %.200s is encrypted; give --tls-key one without a passphrase",
				 origin->key);
	return code < 0 ? refuse_key(text, origin, err) : 0;
}

/*
 * Whether the private key belongs to the certificate. Compares SHA-256 digests of the public keys.
 */
static bool key_fits(gnutls_privkey_t key, gnutls_x509_crt_t certificate)
{
	unsigned char of_key[64], of_certificate[64];
	size_t key_size = sizeof of_key, certificate_size = sizeof of_certificate;
	gnutls_pubkey_t public_key;
	if (gnutls_pubkey_init(&public_key) < 0)
		return false;
	bool fits =
	    gnutls_pubkey_import_privkey(public_key, key, 0, 0) >= 0 &&
	    gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) >= 0 &&
	    gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, of_certificate, &certificate_size) >= 0 &&
	    key_size == certificate_size && memcmp(of_key, of_certificate, key_size) == 0;
	gnutls_pubkey_deinit(public_key);
	return fits;
}

static int check_pair(const struct tls_identity *identity, const gnutls_x509_crt_t *crts, unsigned count,
		      const struct origin *origin, struct error *err)
{
	if (key_fits(identity->key, crts[0]))
		return 0;
	for (unsigned i = 1; i < count; i++)
		if (key_fits(identity->key, crts[i]))
			return error_set(err,
					 "in %.200s the server's own certificate must come first, then its issuers",
					 origin->certificate);
	return error_set(
	    err, "the key %.200s does not match the certificate %.200s; give --tls-cert and --tls-key of one pair",
	    origin->key, origin->certificate);
}

static int take_chain(struct tls_identity *identity, gnutls_x509_crt_t *crts, unsigned count, const char *file,
		      struct error *err)
{
	identity->expiry = gnutls_x509_crt_get_expiration_time(crts[0]);
	identity->begin = gnutls_x509_crt_get_activation_time(crts[0]);
	for (unsigned i = 0; i < count; i++) {
		int code = gnutls_pcert_import_x509(&identity->chain[i], crts[i], 0);
		if (code < 0)
			return error_set(err,
					 "certificate %u in %.200s has a key that TLS cannot use; issue it again "
					 "with an EC P-256 or RSA key",
					 i + 1, file);
		identity->chain_length++;
		time_t expiry = gnutls_x509_crt_get_expiration_time(crts[i]);
		if (expiry < identity->expiry)
			identity->expiry = expiry;
	}
	return 0;
}

static int refuse_certificate(const struct buf *text, const struct origin *origin, struct error *err)
{
	if (has_block(text, "CERTIFICATE"))
		return error_set(err, "the certificate in %.200s cannot be read; is the file complete?",
				 origin->certificate);
	if (has_block(text, "PRIVATE KEY"))
		return error_set(err, "the certificate %.200s is a private key; are --tls-cert and --tls-key swapped?",
				 origin->certificate);
	return error_set(err, "the certificate %.200s contains no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")",
			 origin->certificate);
}

static int take_certificates(struct tls_identity *identity, const struct buf *text, const struct origin *origin,
			     struct error *err)
{
	gnutls_x509_crt_t *crts = NULL;
	unsigned count = 0;
	gnutls_datum_t pem = datum(text);
	int result = 0, code = gnutls_x509_crt_list_import2(&crts, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
	if (code < 0 || count == 0)
		result = refuse_certificate(text, origin, err);
	else if (count > HTTP_CHAIN_MAX)
		result = error_set(err, "the certificate %.200s holds %u certificates; at most %d can be served",
				   origin->certificate, count, HTTP_CHAIN_MAX);
	if (result == 0)
		result = check_pair(identity, crts, count, origin, err);
	if (result == 0)
		result = take_chain(identity, crts, count, origin->certificate, err);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(crts[i]);
	gnutls_free(crts);
	return result;
}

/* Returns new, or NULL with an error. */
static struct tls_identity *make_identity(const struct buf *certificate, const struct buf *key,
					  const struct origin *origin, struct error *err)
{
	struct tls_identity *identity = calloc(1, sizeof *identity);
	if (!identity || gnutls_privkey_init(&identity->key) < 0) {
		free(identity);
		error_set(err, "not enough memory for the certificate %.200s", origin->certificate);
		return NULL;
	}
	identity->references = 1;
	if (take_key(identity->key, key, origin, err) != 0 ||
	    take_certificates(identity, certificate, origin, err) != 0) {
		identity_free(identity);
		return NULL;
	}
	return identity;
}

/* Returns new, or NULL with an error. */
static struct tls_identity *load_identity(const struct http_tls *tls, struct error *err)
{
	const struct origin origin = {tls->cert_file, tls->key_file};
	struct tls_identity *identity = NULL;
	struct buf certificate, key;
	buf_init(&certificate, FILE_ROOM);
	buf_init(&key, FILE_ROOM);
	if (read_file(origin.key, "key", "--tls-key", &key, err) == 0 &&
	    read_file(origin.certificate, "certificate", "--tls-cert", &certificate, err) == 0)
		identity = make_identity(&certificate, &key, &origin, err);
	buf_wipe(&key);
	buf_release(&certificate);
	return identity;
}

/* Returns new, or NULL with an error. */
static struct tls_trust *load_trust(const char *file, struct error *err)
{
	struct buf text;
	buf_init(&text, FILE_ROOM);
	struct tls_trust *trust = calloc(1, sizeof *trust);
	int result = -1;
	if (!trust || gnutls_x509_trust_list_init(&trust->list, 0) < 0) {
		error_set(err, "not enough memory for the client CA %.200s", file);
	} else if (read_file(file, "client CA", "--client-ca", &text, err) == 0) {
		gnutls_datum_t pem = datum(&text);
		trust->references = 1;
		int added =
		    text.len ? gnutls_x509_trust_list_add_trust_mem(trust->list, &pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0)
			     : 0;
		result = added > 0 ? 0
				   : error_set(err,
					       "the client CA %.200s contains no certificate in PEM that can be read "
					       "(\"-----BEGIN CERTIFICATE-----\")",
					       file);
	}
	buf_release(&text);
	if (result == 0)
		return trust;
	trust_free(trust);
	return NULL;
}

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
	    (!cert_file || (tls->identity = load_identity(tls, err))) &&
	    (!client_ca_file || (tls->trust = load_trust(client_ca_file, err))))
		return tls;
	http_tls_destroy(tls);
	return NULL;
}

void http_tls_destroy(struct http_tls *tls)
{
	if (!tls)
		return;
	identity_free(tls->identity);
	trust_free(tls->trust);
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
		identity_free(identity);
}

static struct tls_trust *acquire_trust(struct http_tls *tls)
{
	pthread_mutex_lock(&tls->mutex);
	struct tls_trust *trust = tls->trust;
	trust->references++;
	pthread_mutex_unlock(&tls->mutex);
	return trust;
}

static void release_trust(struct http_tls *tls, struct tls_trust *trust)
{
	pthread_mutex_lock(&tls->mutex);
	bool last = --trust->references == 0;
	pthread_mutex_unlock(&tls->mutex);
	if (last)
		trust_free(trust);
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

static void put_trust(struct http_tls *tls, struct tls_trust *trust)
{
	pthread_mutex_lock(&tls->mutex);
	struct tls_trust *old = tls->trust;
	tls->trust = trust;
	atomic_fetch_add(&tls->generation, 1);
	pthread_mutex_unlock(&tls->mutex);
	release_trust(tls, old);
}

int http_tls_exchange(struct http_tls *tls, const struct buf *certificate, const struct buf *key, struct error *err)
{
	static const struct origin origin = {"that was issued", "that was made"};
	struct tls_identity *identity = make_identity(certificate, key, &origin, err);
	if (identity)
		put_identity(tls, identity);
	return identity ? 0 : -1;
}

int http_tls_reload(struct http_tls *tls, struct error *err)
{
	struct tls_identity *identity = tls->cert_file ? load_identity(tls, err) : NULL;
	struct tls_trust *trust = tls->client_ca_file ? load_trust(tls->client_ca_file, err) : NULL;
	bool whole = (identity || !tls->cert_file) && (trust || !tls->client_ca_file);
	if (identity)
		put_identity(tls, identity);
	if (trust)
		put_trust(tls, trust);
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
	struct tls_trust *trust = acquire_trust(tls);
	const char *why = http_tls_judge_client(trust->list, session, names, count);
	release_trust(tls, trust);
	return why;
}
