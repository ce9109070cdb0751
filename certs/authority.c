/* authority: creates the self-signed certificate authority. */
#include "certs/x509.h"

#include <openssl/objects.h>

static const struct x509_extension extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

int certs_authority_create(struct certs_pair *pair, const char *common_name, time_t now, int64_t seconds,
			   struct error *err)
{
	if (!common_name)
		return error_set(err, "an authority needs a name");
	EVP_PKEY *key = x509_key_create(err);
	X509 *cert = key ? x509_create(key, common_name, now, seconds, err) : NULL;
	int failed = -1;
	if (cert && !X509_set_issuer_name(cert, X509_get_subject_name(cert)))
		x509_fail(err, "the name of the authority could not be set");
	else if (cert && x509_extend(cert, cert, extensions, sizeof extensions / sizeof *extensions, err) == 0 &&
		 x509_sign(cert, key, err) == 0)
		failed = x509_write(pair, cert, key, err);
	X509_free(cert);
	EVP_PKEY_free(key);
	return failed;
}
