/*
 * inspect_trust: verifies with OpenSSL that the chain leads to the authority, configured to decide
 * as Go does.
 */
#include "certs/inspect.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* No SHA-1, no MD5, and RSA keys of at least 1024 bits, as in Go. */
#define AUTH_LEVEL 1

/* Whether one of the certificates has the issuer's name. */
static bool has_issuer(const STACK_OF(X509) * certs, const X509_NAME *issuer)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_NAME_cmp(X509_get_subject_name(sk_X509_value(certs, i)), issuer) == 0)
			return true;
	return false;
}

static void find_no_issuer(struct inspection *inspection, X509 *cert)
{
	const X509_NAME *issuer = X509_get_issuer_name(cert);
	const char *subject = inspect_name(inspection, X509_get_subject_name(cert)).ptr;
	const char *name = inspect_name(inspection, issuer).ptr;
	if (X509_NAME_cmp(X509_get_subject_name(cert), issuer) == 0)
		inspect_report(inspection, CERTS_FAULT, "self-signed",
			       "%.200s is self-signed, and the caBundle does not contain it; add it there, or serve "
			       "a certificate of the authority",
			       subject);
	else if (has_issuer(inspection->trusted, issuer) || has_issuer(inspection->chain, issuer))
		inspect_report(
		    inspection, CERTS_FAULT, "other-authority",
		    "%.200s was signed by an authority called %.200s, like the trusted one, but with another "
		    "key; add that authority to the caBundle",
		    subject, name);
	else
		inspect_report(inspection, CERTS_FAULT, "chain-incomplete",
			       "%.200s was signed by %.200s, which is neither in the certificate's file nor trusted; "
			       "append it to the certificate, or add it to the caBundle",
			       subject, name);
}

/* Whether inspect_parts.c has already reported the problem. */
static bool is_told(int code)
{
	return code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID ||
	       code == X509_V_ERR_EE_KEY_TOO_SMALL || code == X509_V_ERR_CA_KEY_TOO_SMALL ||
	       code == X509_V_ERR_CA_MD_TOO_WEAK;
}

static void find_error(struct inspection *inspection, int code, X509 *cert)
{
	const char *subject = cert ? inspect_name(inspection, X509_get_subject_name(cert)).ptr : "the certificate";
	size_t faults = inspection->report->faults;
	switch (code) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		find_no_issuer(inspection, cert);
		return;
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
		inspect_report(
		    inspection, CERTS_FAULT, "not-an-authority",
		    "%.200s may not sign certificates: it lacks CA:TRUE or the key usage keyCertSign; sign with a real "
		    "authority",
		    subject);
		return;
	default:
		break;
	}
	if (inspection->report->faults == faults && (!is_told(code) || faults == 0))
		inspect_report(inspection, CERTS_FAULT, "untrusted",
			       "%.200s is not accepted: %s; have it issued again without that", subject,
			       X509_verify_cert_error_string(code));
}

/*
 * Checks the extended key usage of every issuer in the path, as Go does. OpenSSL's own check does
 * not accept anyExtendedKeyUsage.
 */
static void judge_usage(struct inspection *inspection, const STACK_OF(X509) * path)
{
	/* inspect_strength checks the first one. */
	for (int i = 1; i < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);
		if (!(X509_get_extended_key_usage(cert) & (XKU_SSL_SERVER | XKU_ANYEKU)))
			inspect_report(
			    inspection, CERTS_FAULT, "usage",
			    "%.200s may not sign server certificates: its extended key usage lacks serverAuth; sign "
			    "with another authority",
			    inspect_name(inspection, X509_get_subject_name(cert)).ptr);
	}
}

/*
 * Whether the chain leads to one of the trusted certificates. If it does not, reports why if `tell`
 * is true. If it does, checks the issuers' usage.
 */
static bool verify(struct inspection *inspection, STACK_OF(X509) * trusted, bool tell)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509 *leaf = sk_X509_value(inspection->chain, 0);
	bool good = false;
	if (context && X509_STORE_CTX_init(context, NULL, leaf, inspection->chain)) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
		X509_STORE_CTX_set0_trusted_stack(context, trusted);
		X509_VERIFY_PARAM_set_time(param, inspection->question->now);
		X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
		/* A trusted certificate need not be a root. */
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		good = X509_verify_cert(context) == 1;
		if (good)
			judge_usage(inspection, X509_STORE_CTX_get0_chain(context));
		else if (tell)
			find_error(inspection, X509_STORE_CTX_get_error(context),
				   X509_STORE_CTX_get_current_cert(context));
	} else {
		inspection->no_memory = true;
	}
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return good;
}

/*
 * Tries each trusted certificate separately. If several have the same name and certificates do not
 * identify their issuer's key, OpenSSL would only try the first one. Go tries all.
 */
void inspect_trust(struct inspection *inspection)
{
	STACK_OF(X509) *one = sk_X509_new_null();
	bool good = false;
	inspection->no_memory |= !one;
	for (int i = 0; one && !good && i < sk_X509_num(inspection->trusted); i++) {
		inspection->no_memory |= sk_X509_push(one, sk_X509_value(inspection->trusted, i)) <= 0;
		good = verify(inspection, one, false);
		sk_X509_zero(one);
	}
	sk_X509_free(one);
	/* If there are none, either no authority was given, or its text has been reported. */
	if (!good && sk_X509_num(inspection->trusted) > 0)
		verify(inspection, inspection->trusted, true);
}
