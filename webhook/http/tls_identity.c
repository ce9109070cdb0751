#include "webhook/http/tls_identity.h"

#include <gnutls/x509.h>
#include <stdlib.h>

#include "webhook/http/tls_file.h"

void tls_identity_free(struct tls_identity *identity)
{
	if (!identity)
		return;
	for (unsigned i = 0; i < identity->chain_length; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	gnutls_privkey_deinit(identity->key);
	free(identity);
}

/* Whether a PEM text has a block of such a kind: "CERTIFICATE", "PRIVATE KEY". */
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

static int refuse_key(const struct buf *text, const struct tls_origin *origin, struct error *err)
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

static int take_key(gnutls_privkey_t key, const struct buf *text, const struct tls_origin *origin, struct error *err)
{
	gnutls_datum_t pem = tls_datum(text);
	int code = gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code == GNUTLS_E_DECRYPTION_FAILED)
		return error_set(err, "the key %.200s is encrypted; give --tls-key one without a passphrase",
				 origin->key);
	return code < 0 ? refuse_key(text, origin, err) : 0;
}

/* Same public key? The SHA-256 of it decides. */
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
		      const struct tls_origin *origin, struct error *err)
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

static int refuse_certificate(const struct buf *text, const struct tls_origin *origin, struct error *err)
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

static int take_certificates(struct tls_identity *identity, const struct buf *text, const struct tls_origin *origin,
			     struct error *err)
{
	gnutls_x509_crt_t *crts = NULL;
	unsigned count = 0;
	gnutls_datum_t pem = tls_datum(text);
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

struct tls_identity *tls_identity_create(const struct buf *certificate, const struct buf *key,
					 const struct tls_origin *origin, struct error *err)
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
		tls_identity_free(identity);
		return NULL;
	}
	return identity;
}

struct tls_identity *tls_identity_load(const char *cert_file, const char *key_file, struct error *err)
{
	const struct tls_origin origin = {cert_file, key_file};
	struct tls_identity *identity = NULL;
	struct buf certificate, key;
	buf_init(&certificate, TLS_FILE_BYTES_MAX);
	buf_init(&key, TLS_FILE_BYTES_MAX);
	if (tls_file_read(origin.key, "key", "--tls-key", &key, err) == 0 &&
	    tls_file_read(origin.certificate, "certificate", "--tls-cert", &certificate, err) == 0)
		identity = tls_identity_create(&certificate, &key, &origin, err);
	buf_wipe(&key);
	buf_release(&certificate);
	return identity;
}
