#include "webhook/http/tls_client.h"

#include <string.h>

#include "webhook/http/tls.h"

#define NAME_BYTES_MAX 256 /* DNS names are shorter. A longer common name matches nothing. */

/*
 * Compares lengths as well, because a name in a certificate may contain a NUL: "name\0.evil" is not
 * "name".
 */
static bool is_named(const char *name, size_t length, char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
			return true;
	return false;
}

static bool has_name(gnutls_x509_crt_t certificate, char *const *names, size_t count)
{
	char name[NAME_BYTES_MAX];
	size_t size = sizeof name;
	for (unsigned i = 0;; i++, size = sizeof name) {
		int code = gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, i, 0, name, &size);
		if (code >= 0 && is_named(name, size, names, count))
			return true;
		if (code < 0 && code != GNUTLS_E_SHORT_MEMORY_BUFFER)
			break;
	}
	size = sizeof name;
	for (unsigned i = 0;; i++, size = sizeof name) {
		int code = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);
		if (code == GNUTLS_SAN_DNSNAME && is_named(name, size, names, count))
			return true;
		if (code < 0 && code != GNUTLS_E_SHORT_MEMORY_BUFFER)
			return false;
	}
}

static const char *judge_chain(gnutls_x509_trust_list_t trust, gnutls_x509_crt_t *chain, unsigned length,
			       char *const *names, size_t count)
{
	static const struct {
		unsigned status;
		const char *text;
	} causes[] = {
	    {GNUTLS_CERT_EXPIRED, "the client certificate has expired"},
	    {GNUTLS_CERT_NOT_ACTIVATED, "the client certificate is not valid yet"},
	    {GNUTLS_CERT_SIGNER_NOT_FOUND, "the client certificate was not issued by the authority of --client-ca"},
	    {GNUTLS_CERT_PURPOSE_MISMATCH,
	     "the client certificate is not for client authentication (extended key usage clientAuth)"},
	};
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
					 .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned status = 0;
	int code = gnutls_x509_trust_list_verify_crt2(trust, chain, length, &purpose, 1, 0, &status, NULL);
	for (size_t i = 0; status && i < sizeof causes / sizeof *causes; i++)
		if (status & causes[i].status)
			return causes[i].text;
	if (code < 0 || status)
		return "the client certificate cannot be verified with the authority of --client-ca";
	if (count && !has_name(chain[0], names, count))
		return "the client certificate is valid, but its name is not allowed by --client-name";
	return NULL;
}

const char *http_tls_judge_client(gnutls_x509_trust_list_t trust, gnutls_session_t session, char *const *names,
				  size_t count)
{
	unsigned length = 0;
	const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &length);
	if (!raw || length == 0)
		return "a client certificate is required, and none was presented";
	if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) != GNUTLS_CRT_X509 || length > HTTP_CHAIN_MAX)
		return "the client certificate is not an X.509 certificate, or its chain is too long";
	gnutls_x509_crt_t chain[HTTP_CHAIN_MAX];
	unsigned ready = 0;
	const char *why = NULL;
	while (!why && ready < length) {
		if (gnutls_x509_crt_init(&chain[ready]) < 0) {
			why = "out of memory while reading the client certificate";
		} else {
			if (gnutls_x509_crt_import(chain[ready], &raw[ready], GNUTLS_X509_FMT_DER) < 0)
				why = "the client certificate cannot be read";
			ready++;
		}
	}
	if (!why)
		why = judge_chain(trust, chain, length, names, count);
	for (unsigned i = 0; i < ready; i++)
		gnutls_x509_crt_deinit(chain[i]);
	return why;
}
