/* issue: issues certificates for servers and clients. */
#include "certs/x509.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#define ALTERNATIVES_BYTES ((size_t)CERTS_NAMES_MAX * 260)

static const char *const extended_usage[] = {
    [CERTS_SERVER] = "serverAuth",
    [CERTS_CLIENT] = "clientAuth",
};

struct authority {
	X509 *cert;
	EVP_PKEY *key;
	time_t not_before;
	time_t not_after;
};

static void authority_release(struct authority *authority)
{
	X509_free(authority->cert);
	EVP_PKEY_free(authority->key);
}

static int check_parts(const struct authority *authority, struct error *err)
{
	if (X509_check_private_key(authority->cert, authority->key) != 1)
		return error_set(err, "the authority's key does not belong to its certificate");
	if (!x509_is_authority(authority->cert))
		return error_set(err, "the authority's certificate may not sign certificates");
	return 0;
}

static int check_now(struct authority *authority, time_t now, struct error *err)
{
	if (x509_time(X509_get0_notBefore(authority->cert), &authority->not_before, err) ||
	    x509_time(X509_get0_notAfter(authority->cert), &authority->not_after, err))
		return -1;
	if (now >= authority->not_after)
		return error_set(err, "the authority's certificate has expired");
	if (now < authority->not_before)
		return error_set(err, "the authority's certificate is not valid yet: is the clock right?");
	return 0;
}

static int authority_read(struct authority *authority, struct str certificate, struct str key, struct error *err)
{
	*authority = (struct authority){.cert = x509_read_certificate(certificate, "the authority's certificate", err)};
	if (authority->cert)
		authority->key = x509_read_key(key, "the authority's key", err);
	if (authority->key && check_parts(authority, err) == 0)
		return 0;
	authority_release(authority);
	return -1;
}

static int check_names(const struct certs_leaf *leaf, struct error *err)
{
	size_t count = leaf->dns_count + leaf->ip_count;
	if (leaf->dns_count > CERTS_NAMES_MAX || leaf->ip_count > CERTS_NAMES_MAX || count > CERTS_NAMES_MAX)
		return error_set(err, "a certificate holds at most %d names", CERTS_NAMES_MAX);
	if (count == 0 && (leaf->usage == CERTS_SERVER || !leaf->common_name))
		return error_set(err, "a certificate needs a name");
	for (size_t i = 0; i < leaf->dns_count; i++)
		if (certs_check_dns(leaf->dns[i], err))
			return -1;
	for (size_t i = 0; i < leaf->ip_count; i++)
		if (certs_check_ip(leaf->ips[i], err))
			return -1;
	return 0;
}

/*
 * Writes "critical,DNS:a,IP:b" and a terminating NUL. The names have been checked, so they contain
 * nothing that has a meaning in this notation. Critical exactly if the subject is empty (RFC 5280,
 * 4.2.1.6).
 */
static void list_names(const struct certs_leaf *leaf, struct buf *out)
{
	const char *separator = leaf->common_name ? "" : "critical,";
	for (size_t i = 0; i < leaf->dns_count; i++, separator = ",")
		buf_printf(out, "%sDNS:%s", separator, leaf->dns[i]);
	for (size_t i = 0; i < leaf->ip_count; i++, separator = ",")
		buf_printf(out, "%sIP:%s", separator, leaf->ips[i]);
	buf_char(out, '\0');
}

/*
 * RFC 5280, 4.2.1.2 requires a key identifier in every authority, but some tools omit it. A leaf
 * then cannot refer to it.
 */
static bool has_key_id(X509 *authority)
{
	return X509_get0_subject_key_id(authority) != NULL;
}

static int extend(X509 *cert, const struct authority *authority, const struct certs_leaf *leaf, struct error *err)
{
	struct buf names;
	buf_init(&names, ALTERNATIVES_BYTES);
	list_names(leaf, &names);
	const struct x509_extension extensions[] = {
	    {NID_basic_constraints, "critical,CA:FALSE"},
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, extended_usage[leaf->usage]},
	    {NID_subject_key_identifier, "hash"},
	    {has_key_id(authority->cert) ? NID_authority_key_identifier : NID_undef, "keyid:always"},
	    {leaf->dns_count + leaf->ip_count ? NID_subject_alt_name : NID_undef, names.ptr},
	};
	size_t count = sizeof extensions / sizeof *extensions;
	int failed = names.failed ? error_set(err, "not enough memory for the names")
				  : x509_extend(cert, authority->cert, extensions, count, err);
	buf_release(&names);
	return failed;
}

/*
 * Limits the validity to the authority's. Outside it, the leaf would fail to verify although it
 * seems valid.
 */
static int clamp_validity(X509 *cert, const struct authority *authority, struct error *err)
{
	time_t from, to;
	if (x509_time(X509_get0_notBefore(cert), &from, err) || x509_time(X509_get0_notAfter(cert), &to, err))
		return -1;
	if ((from < authority->not_before && !X509_set1_notBefore(cert, X509_get0_notBefore(authority->cert))) ||
	    (to > authority->not_after && !X509_set1_notAfter(cert, X509_get0_notAfter(authority->cert))))
		return x509_fail(err, "the validity could not be set");
	return 0;
}

static int sign(X509 *cert, const struct authority *authority, const struct certs_leaf *leaf, struct error *err)
{
	if (!X509_set_issuer_name(cert, X509_get_subject_name(authority->cert)))
		return x509_fail(err, "the name of the issuer could not be set");
	if (clamp_validity(cert, authority, err) || extend(cert, authority, leaf, err))
		return -1;
	return x509_sign(cert, authority->key, err);
}

int certs_issue(struct certs_pair *pair, struct str authority_certificate, struct str authority_key,
		const struct certs_leaf *leaf, time_t now, struct error *err)
{
	struct authority authority;
	if (check_names(leaf, err) || authority_read(&authority, authority_certificate, authority_key, err))
		return -1;
	EVP_PKEY *key = check_now(&authority, now, err) == 0 ? x509_key_create(err) : NULL;
	X509 *cert = key ? x509_create(key, leaf->common_name, now, leaf->seconds, err) : NULL;
	int failed = -1;
	if (cert && sign(cert, &authority, leaf, err) == 0)
		failed = x509_write(pair, cert, key, err);
	X509_free(cert);
	EVP_PKEY_free(key);
	authority_release(&authority);
	return failed;
}

int certs_authority_check(struct str certificate, struct str key, struct error *err)
{
	struct authority authority;
	if (authority_read(&authority, certificate, key, err))
		return -1;
	authority_release(&authority);
	return 0;
}
