/* inspect_read: reads a PEM text block by block. */
#include "certs/inspect.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static unsigned line_of(struct str text, size_t at)
{
	unsigned line = 1;
	for (size_t i = 0; i < at && i < text.len; i++)
		line += text.ptr[i] == '\n';
	return line;
}

/* Reports a block that is not a certificate. */
static void find_other(struct inspection *inspection, const char *what, const char *kind, unsigned line)
{
	if (strstr(kind, "PRIVATE KEY"))
		inspect_report(inspection, CERTS_REMARK, "key-among-certificates",
			       "%s holds a private key (line %u): everyone who can read the certificate can read the "
			       "key; keep them in separate files",
			       what, line);
	else
		inspect_report(inspection, CERTS_REMARK, "not-a-certificate",
			       "%s holds a \"%.40s\" (line %u), which is ignored; remove it", what, kind, line);
}

static void take(struct inspection *inspection, const char *what, const unsigned char *der, long len, unsigned line,
		 size_t most, STACK_OF(X509) * out)
{
	const unsigned char *end = der;
	X509 *cert = d2i_X509(NULL, &end, len);
	if (!cert || end != der + len) {
		inspect_report(
		    inspection, CERTS_FAULT, "damaged",
		    "%s: the block that begins in line %u is not a certificate; copy it again from where it was issued",
		    what, line);
	} else if ((size_t)sk_X509_num(out) == most) {
		inspect_report(inspection, CERTS_FAULT, "too-many",
			       "%s holds more than %zu certificates; leave only what is needed", what, most);
	} else if (sk_X509_push(out, cert) > 0) {
		return;
	} else {
		inspection->no_memory = true;
	}
	X509_free(cert);
	ERR_clear_error();
}

/*
 * Returns the offset of the next block, because OpenSSL does not report where in the text a block
 * begins.
 */
static size_t find_begin(struct str pem, size_t from)
{
	static const char begin[] = "-----BEGIN ";
	const char *at = from < pem.len ? memmem(pem.ptr + from, pem.len - from, begin, sizeof begin - 1) : NULL;
	return at ? (size_t)(at - pem.ptr) : pem.len;
}

static void read_block(struct inspection *inspection, struct str block, const char *what, unsigned line, size_t most,
		       STACK_OF(X509) * out)
{
	BIO *bio = BIO_new_mem_buf(block.ptr, (int)block.len);
	char *kind = NULL, *header = NULL;
	unsigned char *bytes = NULL;
	long len = 0;
	ERR_clear_error();
	if (!bio)
		inspection->no_memory = true;
	else if (!PEM_read_bio(bio, &kind, &header, &bytes, &len))
		inspect_report(
		    inspection, CERTS_FAULT, "damaged",
		    "%s: the block that begins in line %u is damaged PEM; copy it again from where it was issued", what,
		    line);
	else if (strcmp(kind, PEM_STRING_X509) == 0 || strcmp(kind, PEM_STRING_X509_OLD) == 0)
		take(inspection, what, bytes, len, line, most, out);
	else
		find_other(inspection, what, kind, line);
	OPENSSL_free(kind);
	OPENSSL_free(header);
	/* It may be a private key. */
	OPENSSL_clear_free(bytes, len > 0 ? (size_t)len : 0);
	BIO_free(bio);
	ERR_clear_error();
}

/*
 * Whether the caller passed the key file instead of the certificate file. The suffix also matches
 * "X509 CERTIFICATE" and "TRUSTED CERTIFICATE".
 */
static bool is_only_key(struct str pem)
{
	static const char key[] = "PRIVATE KEY-----", certificate[] = "CERTIFICATE-----";
	return memmem(pem.ptr, pem.len, key, sizeof key - 1) &&
	       !memmem(pem.ptr, pem.len, certificate, sizeof certificate - 1);
}

void inspect_read(struct inspection *inspection, struct str pem, const char *what, size_t most, STACK_OF(X509) * out)
{
	if (pem.len > CERTS_PEM_MAX) {
		inspect_report(inspection, CERTS_FAULT, "too-large", "%s has %zu bytes; at most %d are read", what,
			       pem.len, CERTS_PEM_MAX);
		return;
	}
	if (is_only_key(pem)) {
		inspect_report(inspection, CERTS_FAULT, "no-certificate",
			       "%s is a private key; give the file with the certificate instead", what);
		return;
	}
	size_t faults = inspection->report->faults;
	for (size_t at = find_begin(pem, 0), next; at < pem.len; at = next) {
		next = find_begin(pem, at + 1);
		read_block(inspection, (struct str){pem.ptr + at, next - at}, what, line_of(pem, at), most, out);
	}
	if (sk_X509_num(out) == 0 && inspection->report->faults == faults)
		inspect_report(inspection, CERTS_FAULT, "no-certificate",
			       "%s holds no certificate in PEM (\"-----BEGIN CERTIFICATE-----\"); if it is still in "
			       "base64, decode "
			       "it (base64 -d)",
			       what);
}
