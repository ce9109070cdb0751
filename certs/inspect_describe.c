/* inspect_describe: describes a certificate as text that is safe to print on a terminal. */
#include "certs/inspect.h"

#include <arpa/inet.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "certs/x509.h"

#define NAMES_BYTES (64u << 10)
#define SUBJECT_FLAGS ((XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_CTRL)

static struct str keep(struct inspection *inspection, struct str text)
{
	struct str copy = arena_str(inspection->arena, text);
	inspection->no_memory |= !str_present(copy);
	return copy;
}

struct str inspect_name(struct inspection *inspection, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	struct str text = STR("");
	if (bio && X509_NAME_print_ex(bio, name, 0, SUBJECT_FLAGS) >= 0) {
		long len = BIO_get_mem_data(bio, &bytes);
		text = (struct str){bytes, len > 0 ? (size_t)len : 0};
	}
	text = keep(inspection, text.len ? text : STR("(no name)"));
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

static void add_text(struct buf *out, const ASN1_STRING *string)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(string);
	for (int i = 0; i < ASN1_STRING_length(string); i++)
		buf_char(out, bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != ',' ? (char)bytes[i] : '?');
}

static void add_address(struct buf *out, const ASN1_STRING *string)
{
	char text[INET6_ADDRSTRLEN];
	int len = ASN1_STRING_length(string);
	bool known = (len == 4 || len == 16) &&
		     inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(string), text, sizeof text);
	buf_text(out, known ? text : "?");
}

static struct str names_of(struct inspection *inspection, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	struct buf text;
	buf_init(&text, NAMES_BYTES);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS && name->type != GEN_IPADD)
			continue;
		buf_text(&text, text.len ? ", " : "");
		buf_text(&text, name->type == GEN_DNS ? "DNS:" : "IP:");
		if (name->type == GEN_DNS)
			add_text(&text, name->d.dNSName);
		else
			add_address(&text, name->d.iPAddress);
	}
	struct str result = keep(inspection, text.len ? buf_view(&text) : STR(""));
	buf_release(&text);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return result;
}

static struct str key_of(struct inspection *inspection, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char text[96], group[64] = "";
	if (!key)
		return keep(inspection, STR("of an unknown kind"));
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) > 0)
		snprintf(text, sizeof text, "EC %s", strcmp(group, "prime256v1") == 0 ? "P-256" : group);
	else
		snprintf(text, sizeof text, "%.40s %d", OBJ_nid2sn(EVP_PKEY_get_base_id(key)), EVP_PKEY_get_bits(key));
	ERR_clear_error();
	return keep(inspection, str_of(text));
}

static struct str fingerprint_of(struct inspection *inspection, X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned len = 0;
	if (X509_digest(cert, EVP_sha256(), digest, &len))
		for (size_t i = 0; i < len; i++)
			snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return keep(inspection, str_of(text));
}

void inspect_describe(struct inspection *inspection, X509 *cert, struct certs_description *out)
{
	struct error ignored = {.text = ""};
	*out = (struct certs_description){
	    .subject = inspect_name(inspection, X509_get_subject_name(cert)),
	    .issuer = inspect_name(inspection, X509_get_issuer_name(cert)),
	    .names = names_of(inspection, cert),
	    .key = key_of(inspection, cert),
	    .signature = keep(inspection, str_of(OBJ_nid2ln(X509_get_signature_nid(cert)))),
	    .fingerprint = fingerprint_of(inspection, cert),
	    .authority = X509_check_ca(cert) == 1,
	};
	(void)x509_time(X509_get0_notBefore(cert), &out->not_before, &ignored);
	(void)x509_time(X509_get0_notAfter(cert), &out->not_after, &ignored);
}
