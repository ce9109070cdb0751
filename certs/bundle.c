/* bundle: iterates over the certificates of a PEM text. */
#include "certs/x509.h"

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static int describe(X509 *cert, struct certs_item *item, BIO *text, struct error *err)
{
	char *pem = NULL;
	unsigned len = sizeof item->id;
	if (X509_digest(cert, EVP_sha256(), item->id, &len) != 1 || !PEM_write_bio_X509(text, cert))
		return x509_fail(err, "a certificate could not be read");
	long pem_len = BIO_get_mem_data(text, &pem);
	item->pem = (struct str){pem, (size_t)pem_len};
	item->authority = x509_is_authority(cert);
	return x509_time(X509_get0_notBefore(cert), &item->not_before, err) ||
		       x509_time(X509_get0_notAfter(cert), &item->not_after, err)
		   ? -1
		   : 0;
}

static int tell(X509 *cert, int (*found)(void *context, const struct certs_item *item), void *context, bool *enough,
		struct error *err)
{
	struct certs_item item;
	BIO *text = BIO_new(BIO_s_mem());
	int failed = text ? describe(cert, &item, text, err) : x509_fail(err, "not enough memory for a certificate");
	if (!failed)
		*enough = found(context, &item) != 0;
	BIO_free(text);
	return failed;
}

/*
 * Whether the text has ended. PEM_R_NO_START_LINE means that no certificate follows, whether or not
 * other text does. Every other error means that a block claims to be a certificate but is not one.
 */
static bool text_ended(void)
{
	unsigned long code = ERR_peek_last_error();
	bool ended = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	return ended;
}

int certs_bundle_each(struct str pem, int (*found)(void *context, const struct certs_item *item), void *context,
		      struct error *err)
{
	int count = 0;
	bool enough = false, ended = false;
	if (pem.len > CERTS_PEM_MAX)
		return error_set(err, "a bundle of %zu bytes is too large", pem.len);
	BIO *bio = BIO_new_mem_buf(str_present(pem) ? pem.ptr : "", (int)pem.len);
	if (!bio)
		return x509_fail(err, "not enough memory for a bundle");
	ERR_clear_error();
	while (!enough && !ended && count >= 0) {
		X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (cert)
			count = tell(cert, found, context, &enough, err) ? -1 : count + 1;
		else if (!(ended = text_ended()))
			count = error_set(err, "certificate %d of the bundle cannot be read", count + 1);
		X509_free(cert);
	}
	BIO_free(bio);
	return count;
}
