/* inspect_parts: checks that do not depend on a trust anchor. */
#include "certs/inspect.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Go's crypto/rsa rejects smaller keys (since Go 1.24). */
#define RSA_BITS_MIN 1024
#define RSA_BITS_GOOD 2048
#define DAY_SECONDS ((time_t)86400)
#define WHO_BYTES 512

static X509 *first(const struct inspection *inspection)
{
	return sk_X509_value(inspection->chain, 0);
}

void certs_date(time_t when, char text[static 32])
{
	struct tm parts;
	strftime(text, 32, "%Y-%m-%d %H:%M UTC", gmtime_r(&when, &parts));
}

/* --- Key --- */

/* OpenSSL calls this only if the key is encrypted, which is all that must be known. */
static int note_password(char *out, int size, int writing, void *asked)
{
	(void)out, (void)size, (void)writing;
	*(bool *)asked = true;
	return -1;
}

static EVP_PKEY *read_key(struct inspection *inspection)
{
	struct str pem = inspection->question->key;
	bool encrypted = false;
	BIO *bio = pem.len <= CERTS_PEM_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, note_password, &encrypted) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (encrypted)
		inspect_report(
		    inspection, CERTS_FAULT, "key-encrypted",
		    "the key is encrypted, and the server cannot ask for its passphrase; write it without one "
		    "(openssl pkey -in KEY -out KEY.plain)");
	else if (!key && pem.len && memmem(pem.ptr, pem.len, "CERTIFICATE-----", 16))
		inspect_report(inspection, CERTS_FAULT, "key-unreadable",
			       "the key is a certificate; are certificate and key swapped?");
	else if (!key)
		inspect_report(inspection, CERTS_FAULT, "key-unreadable", "the key is not a private key in PEM");
	return key;
}

/*
 * Anyone who reads the key can impersonate the server. Group access can be intended, for example
 * for a Secret volume with fsGroup.
 */
static void judge_mode(struct inspection *inspection)
{
	unsigned mode = inspection->question->key_mode;
	if (mode & 07)
		inspect_report(
		    inspection, CERTS_REMARK, "key-mode",
		    "every user of this machine has access to the key's file (mode %04o); allow its owner alone "
		    "(chmod 600)",
		    mode);
	else if (mode & 070)
		inspect_report(
		    inspection, CERTS_REMARK, "key-mode",
		    "the group of the key's file has access to it (mode %04o); unless the group is the server's "
		    "own, allow the owner alone (chmod 600)",
		    mode);
}

void inspect_key(struct inspection *inspection)
{
	if (!str_present(inspection->question->key))
		return;
	judge_mode(inspection);
	EVP_PKEY *key = read_key(inspection);
	int match = -1;
	for (int i = 0; key && i < sk_X509_num(inspection->chain) && match < 0; i++) {
		EVP_PKEY *of_cert = X509_get0_pubkey(sk_X509_value(inspection->chain, i));
		if (of_cert && EVP_PKEY_eq(key, of_cert) == 1)
			match = i;
	}
	if (key && match < 0)
		inspect_report(inspection, CERTS_FAULT, "key-mismatch",
			       "the key does not match the certificate; it belongs to another pair, or only one of the "
			       "two was renewed");
	inspection->own = match > 0 ? match : 0;
	EVP_PKEY_free(key);
	ERR_clear_error();
}

/* --- Order --- */

/*
 * Returns the index of the first certificate that is not an authority and whose issuer is, by name,
 * the first certificate of the chain. Returns 0 if there is none.
 */
static int signed_by_first(const struct inspection *inspection)
{
	const X509_NAME *subject = X509_get_subject_name(first(inspection));
	for (int i = 1; i < sk_X509_num(inspection->chain); i++)
		if (!inspection->report->chain[i].authority &&
		    X509_NAME_cmp(X509_get_issuer_name(sk_X509_value(inspection->chain, i)), subject) == 0)
			return i;
	return 0;
}

void inspect_order(struct inspection *inspection)
{
	if (inspection->own == 0 && inspection->report->chain[0].authority)
		inspection->own = signed_by_first(inspection);
	if (inspection->own > 0)
		inspect_report(
		    inspection, CERTS_FAULT, "wrong-order",
		    "the server's own certificate is number %d in its file; it must come first, then its issuers",
		    inspection->own + 1);
}

/* --- Time --- */

static void judge_time(struct inspection *inspection, const struct certs_description *cert, const char *who)
{
	time_t now = inspection->question->now, left = cert->not_after - now;
	char when[32];
	if (now < cert->not_before) {
		certs_date(cert->not_before, when);
		inspect_report(inspection, CERTS_FAULT, "not-yet",
			       "%s is not valid before %s; wait, or check the clocks", who, when);
	} else if (left < 0) {
		certs_date(cert->not_after, when);
		inspect_report(inspection, CERTS_FAULT, "expired", "%s expired on %s; renew it", who, when);
	} else if (left < inspection->question->warn_days * DAY_SECONDS) {
		certs_date(cert->not_after, when);
		inspect_report(inspection, CERTS_REMARK, "expires-soon", "%s expires in %lld %s (%s); renew it", who,
			       (long long)(left < 2 * DAY_SECONDS ? left / 3600 : left / DAY_SECONDS),
			       left < 2 * DAY_SECONDS ? "hours" : "days", when);
	}
}

void inspect_validity(struct inspection *inspection)
{
	const struct certs_report *report = inspection->report;
	char who[WHO_BYTES];
	for (size_t i = 0; i < report->chain_count; i++) {
		snprintf(who, sizeof who, i ? "the issuer %.300s" : "the certificate %.300s",
			 report->chain[i].subject.ptr);
		judge_time(inspection, &report->chain[i], who);
	}
	/*
	 * Of several authorities, old ones may have expired. OpenSSL decides whether one of those
	 * is needed.
	 */
	if (report->trusted_count != 1)
		return;
	snprintf(who, sizeof who, "the authority %.300s", report->trusted[0].subject.ptr);
	judge_time(inspection, &report->trusted[0], who);
}

/* --- Names --- */

void inspect_names(struct inspection *inspection)
{
	const struct certs_question *question = inspection->question;
	const struct certs_description *leaf = &inspection->report->chain[0];
	X509 *cert = first(inspection);
	if (inspection->own > 0)
		/* The first certificate is not the server's, so its names would be misleading. */
		return;
	if (leaf->names.len == 0) {
		inspect_report(inspection, CERTS_FAULT, "no-names",
			       "the certificate has no subject alternative names, and Kubernetes ignores the common "
			       "name; issue it with SERVICE.NAMESPACE.svc");
		return;
	}
	for (size_t i = 0; i < question->name_count; i++) {
		const char *name = question->names[i];
		bool there =
		    certs_is_ip(name)
			? X509_check_ip_asc(cert, name, 0) == 1
			: X509_check_host(cert, name, 0,
					  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
					  NULL) == 1;
		if (!there)
			inspect_report(
			    inspection, CERTS_FAULT, "name-missing",
			    "the certificate is not for %.253s; it has %.600s; issue it again with that name", name,
			    leaf->names.ptr);
	}
	ERR_clear_error();
}

/* --- Strength and purpose --- */

static void judge_key(struct inspection *inspection, X509 *cert, const char *who)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int bits = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(key) : RSA_BITS_GOOD;
	if (bits < RSA_BITS_MIN)
		inspect_report(inspection, CERTS_FAULT, "weak-key",
			       "%s has an RSA key of %d bits, which is refused; use 2048 or more, or EC P-256", who,
			       bits);
	else if (bits < RSA_BITS_GOOD)
		inspect_report(inspection, CERTS_REMARK, "weak-key",
			       "%s has an RSA key of %d bits; use 2048 or more, or EC P-256", who, bits);
}

static void judge_signature(struct inspection *inspection, X509 *cert, const char *who)
{
	int digest = NID_undef;
	if (X509_get_signature_info(cert, &digest, NULL, NULL, NULL) &&
	    (digest == NID_sha1 || digest == NID_md5 || digest == NID_md5_sha1) &&
	    X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) != 0)
		inspect_report(inspection, CERTS_FAULT, "weak-signature",
			       "%s is signed with %s, which is refused; have it issued again with SHA-256", who,
			       OBJ_nid2sn(digest));
}

void inspect_strength(struct inspection *inspection)
{
	char who[WHO_BYTES];
	for (int i = 0; i < sk_X509_num(inspection->chain); i++) {
		X509 *cert = sk_X509_value(inspection->chain, i);
		snprintf(who, sizeof who, i ? "the issuer %.300s" : "the certificate %.300s",
			 inspection->report->chain[i].subject.ptr);
		judge_key(inspection, cert, who);
		judge_signature(inspection, cert, who);
	}
	if (inspection->own > 0)
		return;
	X509 *leaf = first(inspection);
	/* UINT32_MAX if there is no such extension, which is fine. */
	uint32_t usage = X509_get_extended_key_usage(leaf);
	if (!(usage & (XKU_SSL_SERVER | XKU_ANYEKU)))
		inspect_report(inspection, CERTS_FAULT, "usage",
			       "the certificate is not for servers: its extended key usage lacks serverAuth; issue it "
			       "again with that usage");
	if (inspection->report->chain[0].authority)
		inspect_report(inspection, CERTS_REMARK, "authority-serves",
			       "the certificate is an authority's own: anyone who gets its key can issue others; serve "
			       "one that it has signed");
	ERR_clear_error();
}
