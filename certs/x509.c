/* x509: the steps that are common to creating any certificate. */
#include "certs/x509.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#define SERIAL_BITS 128

int x509_fail(struct error *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	ERR_clear_error();
	return reason ? error_set(err, "%s: %s", what, reason) : error_set(err, "%s", what);
}

EVP_PKEY *x509_key_create(struct error *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	if (!key)
		x509_fail(err, "a key could not be generated");
	return key;
}

/*
 * RFC 5280, 4.1.2.2: positive, at most 20 octets. The top bit is set so that all serial numbers
 * have the same length.
 */
static int set_serial(X509 *cert)
{
	BIGNUM *serial = BN_new();
	bool ok = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));
	BN_free(serial);
	return ok ? 0 : -1;
}

static int set_subject(X509 *cert, const char *common_name)
{
	if (!common_name)
		return 0;
	X509_NAME *subject = X509_get_subject_name(cert);
	const unsigned char *bytes = (const unsigned char *)common_name;
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, bytes, -1, -1, 0) ? 0 : -1;
}

static int check_request(const char *common_name, int64_t seconds, struct error *err)
{
	if (seconds < 1 || seconds > CERTS_SECONDS_MAX)
		return error_set(err, "a validity of %lld seconds is not possible; give 1 second to %d days",
				 (long long)seconds, CERTS_DAYS_MAX);
	if (!common_name)
		return 0;
	size_t len = strlen(common_name);
	if (len < 1 || len > ub_common_name)
		return error_set(err, "the name \"%.80s\" has %zu bytes: a common name has 1 to %d", common_name, len,
				 ub_common_name);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)common_name[i] < ' ' || common_name[i] == 0x7f)
			return error_set(err, "a common name holds no control characters");
	return 0;
}

X509 *x509_create(EVP_PKEY *key, const char *common_name, time_t now, int64_t seconds, struct error *err)
{
	if (check_request(common_name, seconds, err))
		return NULL;
	X509 *cert = X509_new();
	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) == 0 &&
	    set_subject(cert, common_name) == 0 &&
	    ASN1_TIME_adj(X509_getm_notBefore(cert), now, 0, -X509_BACKDATE_SECONDS) &&
	    ASN1_TIME_adj(X509_getm_notAfter(cert), now, (int)(seconds / CERTS_DAY_SECONDS),
			  (long)(seconds % CERTS_DAY_SECONDS)) &&
	    X509_set_pubkey(cert, key))
		return cert;
	x509_fail(err, "a certificate could not be filled in");
	X509_free(cert);
	return NULL;
}

int x509_extend(X509 *cert, X509 *issuer, const struct x509_extension *rows, size_t count, struct error *err)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].nid == NID_undef)
			continue;
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, rows[i].nid, rows[i].value);
		int added = extension && X509_add_ext(cert, extension, -1);
		X509_EXTENSION_free(extension);
		if (!added)
			return x509_fail(err, OBJ_nid2ln(rows[i].nid));
	}
	return 0;
}

int x509_sign(X509 *cert, EVP_PKEY *key, struct error *err)
{
	/*
	 * Ed25519 and similar keys have a built-in digest and accept no other. For all other keys,
	 * SHA-256 works with every client.
	 */
	int wanted = NID_undef;
	bool mandatory = EVP_PKEY_get_default_digest_nid(key, &wanted) == 2;
	const EVP_MD *digest = mandatory && wanted == NID_undef ? NULL : EVP_sha256();
	return X509_sign(cert, key, digest) ? 0 : x509_fail(err, "the certificate could not be signed");
}

bool x509_is_authority(X509 *cert)
{
	return X509_check_ca(cert) == 1 && (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN);
}

int x509_time(const ASN1_TIME *when, time_t *out, struct error *err)
{
	struct tm tm;
	if (!ASN1_TIME_to_tm(when, &tm))
		return x509_fail(err, "a validity time could not be read");
	*out = timegm(&tm);
	return 0;
}
