/*
 * pem: reads and writes certificates and keys as PEM. OpenSSL wipes its copies of key material;
 * certs_pair_release wipes ours.
 */
#include "certs/x509.h"

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

void certs_pair_init(struct certs_pair *pair)
{
	*pair = (struct certs_pair){.not_after = 0};
	buf_init(&pair->certificate, CERTS_PEM_MAX);
	buf_init(&pair->key, CERTS_PEM_MAX);
}

void certs_pair_release(struct certs_pair *pair)
{
	if (pair->key.ptr)
		OPENSSL_cleanse(pair->key.ptr, pair->key.size);
	buf_release(&pair->key);
	buf_release(&pair->certificate);
	pair->not_after = 0;
}

/*
 * Copies the text into an empty buffer with a single append. So the buffer is never reallocated,
 * which would leave a copy of the key in freed memory.
 */
static int take(BIO *bio, struct buf *out)
{
	char *bytes = NULL;
	long len = BIO_get_mem_data(bio, &bytes);
	if (len <= 0)
		return -1;
	buf_add(out, bytes, (size_t)len);
	return out->failed ? -1 : 0;
}

int x509_write(struct certs_pair *pair, X509 *cert, EVP_PKEY *key, struct error *err)
{
	BIO *public = BIO_new(BIO_s_mem());
	/* Falls back to ordinary memory if there is no secure heap, but is always wiped. */
	BIO *secret = BIO_new(BIO_s_secmem());
	int failed = -1;
	if (public && secret && PEM_write_bio_X509(public, cert) &&
	    PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) &&
	    take(public, &pair->certificate) == 0 && take(secret, &pair->key) == 0)
		failed = x509_time(X509_get0_notAfter(cert), &pair->not_after, err);
	else
		x509_fail(err, "the certificate could not be written as PEM");
	BIO_free(public);
	BIO_free(secret);
	if (failed)
		certs_pair_release(pair);
	return failed;
}

/* Without a callback, OpenSSL would prompt on the terminal. */
static int no_password(char *out, int size, int writing, void *unused)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)unused;
	return -1;
}

static BIO *open_text(struct str pem, const char *whose, struct error *err)
{
	ERR_clear_error();
	if (pem.len > CERTS_PEM_MAX) {
		error_set(err, "%s: a PEM text of %zu bytes is too large", whose, pem.len);
		return NULL;
	}
	BIO *bio = BIO_new_mem_buf(str_present(pem) ? pem.ptr : "", (int)pem.len);
	if (!bio)
		x509_fail(err, whose);
	return bio;
}

/* Replaces OpenSSL's reason, such as "no start line", which does not help users. */
static void *unreadable(const char *whose, const char *text, struct error *err)
{
	ERR_clear_error();
	error_set(err, "%s: %s", whose, text);
	return NULL;
}

static bool has(struct str pem, const char *text)
{
	return pem.len && memmem(pem.ptr, pem.len, text, strlen(text));
}

X509 *x509_read_certificate(struct str pem, const char *whose, struct error *err)
{
	BIO *bio = open_text(pem, whose, err);
	if (!bio)
		return NULL;
	X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!cert && has(pem, "PRIVATE KEY-----") && !has(pem, "CERTIFICATE-----"))
		return unreadable(whose, "this is a private key; are the two files swapped?", err);
	return cert ? cert : unreadable(whose, "this is not a certificate in PEM", err);
}

EVP_PKEY *x509_read_key(struct str pem, const char *whose, struct error *err)
{
	BIO *bio = open_text(pem, whose, err);
	if (!bio)
		return NULL;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!key && has(pem, "CERTIFICATE-----"))
		return unreadable(whose, "this is a certificate; are the two files swapped?", err);
	return key ? key : unreadable(whose, "this is not an unencrypted private key in PEM", err);
}
