#include "webhook/kube/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Without a callback, OpenSSL would prompt on the terminal. */
static int no_password(char *out, int size, int writing, void *unused)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)unused;
	return -1;
}

static BIO *open_text(struct str pem)
{
	return pem.len <= INT_MAX ? BIO_new_mem_buf(str_present(pem) ? pem.ptr : "", (int)pem.len) : NULL;
}

static X509 *read_certificate(struct str pem)
{
	BIO *bio = open_text(pem);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	return certificate;
}

static EVP_PKEY *read_key(struct str pem)
{
	BIO *bio = open_text(pem);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	BIO_free(bio);
	return key;
}

static int check_pair(const struct kube_config *config, struct error *err)
{
	X509 *certificate = read_certificate(kube_config_client_certificate(config));
	EVP_PKEY *key = read_key(kube_config_client_key(config));
	int result = 0;
	if (!certificate)
		result = error_set(err, "the client certificate is not a certificate in PEM; check client-certificate");
	else if (!key)
		result = error_set(err, "the client key is not an unencrypted private key in PEM; check client-key");
	else if (X509_check_private_key(certificate, key) != 1)
		result = error_set(err, "the client key does not belong to the client certificate; give a pair");
	X509_free(certificate);
	EVP_PKEY_free(key);
	return result;
}

/*
 * Reads the bundle as libcurl does, which takes all its certificates, or none if one of them cannot
 * be read. Returns how many there are.
 */
static int count_authorities(struct str pem)
{
	BIO *bio = open_text(pem);
	STACK_OF(X509_INFO) *items = bio ? PEM_X509_INFO_read_bio(bio, NULL, no_password, NULL) : NULL;
	int count = 0;
	for (int i = 0; i < sk_X509_INFO_num(items); i++)
		count += sk_X509_INFO_value(items, i)->x509 != NULL;
	sk_X509_INFO_pop_free(items, X509_INFO_free);
	BIO_free(bio);
	return count;
}

int kube_tls_check(const struct kube_config *config, struct error *err)
{
	int result = 0;
	if (str_present(kube_config_ca(config)) && count_authorities(kube_config_ca(config)) == 0)
		result = error_set(err, "the CA of the API server is not one or several whole certificates in PEM; "
					"check certificate-authority, or in a Pod its ca.crt");
	if (result == 0 && str_present(kube_config_client_certificate(config)))
		result = check_pair(config, err);
	ERR_clear_error(); /* libcurl reads this error queue, too. */
	return result;
}
