/*
 * test_certs: checks certificates made by certs/ with OpenSSL's own verification, and the error
 * messages for invalid requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certs/x509.h"
#include "gpugate/certs.h"

#define NOW ((time_t)1795000000)
#define DAY ((time_t)86400)

struct fixture {
	struct certs_pair authority;
	struct certs_pair leaf;
	struct error err;
};

static const char *const dns[] = {"gpugate.gpugate-system.svc", "*.example.org"};
static const char *const ips[] = {"127.0.0.1", "fd00::1"};

static struct certs_leaf server(void)
{
	return (struct certs_leaf){.usage = CERTS_SERVER,
				   .common_name = dns[0],
				   .dns = dns,
				   .dns_count = 2,
				   .ips = ips,
				   .ip_count = 2,
				   .seconds = 30 * CERTS_DAY_SECONDS};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	certs_pair_init(&f->authority);
	certs_pair_init(&f->leaf);
	assert_int_equal(certs_authority_create(&f->authority, "test CA", NOW, 90 * CERTS_DAY_SECONDS, &f->err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	certs_pair_release(&f->authority);
	certs_pair_release(&f->leaf);
	free(f);
	return 0;
}

static int issue(struct fixture *f, const struct certs_leaf *leaf, time_t now)
{
	certs_pair_release(&f->leaf);
	f->err = (struct error){0};
	return certs_issue(&f->leaf, buf_view(&f->authority.certificate), buf_view(&f->authority.key), leaf, now,
			   &f->err);
}

static X509 *certificate(const struct certs_pair *pair)
{
	struct error err = {0};
	X509 *cert = x509_read_certificate(buf_view(&pair->certificate), "it", &err);
	assert_non_null(cert);
	return cert;
}

/*
 * Returns the result of X509_verify_cert for the leaf under this authority, for a host, an address,
 * or neither.
 */
static int verify(const struct fixture *f, const char *host, const char *ip, int purpose, time_t when)
{
	X509 *root = certificate(&f->authority);
	X509 *leaf = certificate(&f->leaf);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	assert_true(store && context);
	assert_true(X509_STORE_add_cert(store, root));
	assert_true(X509_STORE_CTX_init(context, store, leaf, NULL));
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_time(param, when);
	assert_true(X509_STORE_CTX_set_purpose(context, purpose));
	if (host)
		assert_true(X509_VERIFY_PARAM_set1_host(param, host, 0));
	if (ip)
		assert_true(X509_VERIFY_PARAM_set1_ip_asc(param, ip));
	X509_verify_cert(context);
	int verdict = X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	X509_free(root);
	X509_free(leaf);
	return verdict;
}

static void server_verifies_for_its_names_only(void **state)
{
	struct fixture *f = *state;
	struct certs_leaf leaf = server();
	assert_int_equal(issue(f, &leaf, NOW), 0);
	int ssl = X509_PURPOSE_SSL_SERVER;
	assert_int_equal(verify(f, dns[0], NULL, ssl, NOW), X509_V_OK);
	assert_int_equal(verify(f, "any.example.org", NULL, ssl, NOW), X509_V_OK);
	assert_int_equal(verify(f, NULL, "127.0.0.1", ssl, NOW), X509_V_OK);
	assert_int_equal(verify(f, NULL, "fd00::1", ssl, NOW), X509_V_OK);
	assert_int_equal(verify(f, "gpugate.default.svc", NULL, ssl, NOW), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify(f, "example.org", NULL, ssl, NOW), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify(f, NULL, "127.0.0.2", ssl, NOW), X509_V_ERR_IP_ADDRESS_MISMATCH);
	assert_int_equal(verify(f, NULL, NULL, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_ERR_INVALID_PURPOSE);
}

static void client_is_for_clients(void **state)
{
	struct fixture *f = *state;
	struct certs_leaf leaf = {
	    .usage = CERTS_CLIENT, .common_name = "kube-apiserver", .seconds = 30 * CERTS_DAY_SECONDS};
	assert_int_equal(issue(f, &leaf, NOW), 0);
	assert_int_equal(verify(f, NULL, NULL, X509_PURPOSE_SSL_CLIENT, NOW), X509_V_OK);
	assert_int_equal(verify(f, NULL, NULL, X509_PURPOSE_SSL_SERVER, NOW), X509_V_ERR_INVALID_PURPOSE);
	X509 *cert = certificate(&f->leaf);
	char name[64];
	assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name) > 0);
	assert_string_equal(name, "kube-apiserver");
	assert_int_equal(X509_get_ext_by_NID(cert, NID_subject_alt_name, -1), -1);
	X509_free(cert);
}

static void validity_has_bounds(void **state)
{
	struct fixture *f = *state;
	struct certs_leaf leaf = server();
	int ssl = X509_PURPOSE_SSL_SERVER;
	assert_int_equal(issue(f, &leaf, NOW), 0);
	assert_true(f->leaf.not_after == NOW + 30 * DAY);
	assert_true(f->authority.not_after == NOW + 90 * DAY);
	assert_int_equal(verify(f, dns[0], NULL, ssl, NOW - 299), X509_V_OK);
	assert_int_equal(verify(f, dns[0], NULL, ssl, NOW - 301), X509_V_ERR_CERT_NOT_YET_VALID);
	assert_int_equal(verify(f, dns[0], NULL, ssl, NOW + 30 * DAY - 1), X509_V_OK);
	assert_int_equal(verify(f, dns[0], NULL, ssl, NOW + 30 * DAY + 1), X509_V_ERR_CERT_HAS_EXPIRED);
}

static void leaf_never_outlives_its_authority(void **state)
{
	struct fixture *f = *state;
	struct certs_leaf leaf = server();
	leaf.seconds = CERTS_SECONDS_MAX;
	assert_int_equal(issue(f, &leaf, NOW + DAY), 0);
	assert_true(f->leaf.not_after == f->authority.not_after);
	assert_int_equal(verify(f, dns[0], NULL, X509_PURPOSE_SSL_SERVER, NOW + 90 * DAY - 1), X509_V_OK);

	/* When the authority has just become valid, the backdated start is limited as well. */
	assert_int_equal(issue(f, &leaf, NOW - 299), 0);
	assert_int_equal(verify(f, dns[0], NULL, X509_PURPOSE_SSL_SERVER, NOW - 300), X509_V_OK);
}

static void keys_match_and_serials_differ(void **state)
{
	struct fixture *f = *state;
	struct certs_leaf leaf = server();
	assert_int_equal(issue(f, &leaf, NOW), 0);
	X509 *cert = certificate(&f->leaf);
	EVP_PKEY *key = x509_read_key(buf_view(&f->leaf.key), "it", &f->err);
	assert_non_null(key);
	assert_int_equal(X509_check_private_key(cert, key), 1);
	assert_int_equal(EVP_PKEY_get_bits(key), 256);
	EVP_PKEY_free(key);

	ASN1_INTEGER *first = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));
	X509_free(cert);
	assert_int_equal(issue(f, &leaf, NOW), 0);
	cert = certificate(&f->leaf);
	assert_int_not_equal(ASN1_INTEGER_cmp(first, X509_get0_serialNumber(cert)), 0);
	assert_int_equal(X509_get0_serialNumber(cert)->length, 16);
	ASN1_INTEGER_free(first);
	X509_free(cert);
}

static void authority_signs_no_authority(void **state)
{
	struct fixture *f = *state;
	X509 *cert = certificate(&f->authority);
	assert_int_equal(X509_check_ca(cert), 1);
	assert_int_equal(X509_get_pathlen(cert), 0);
	assert_int_equal(X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_non_null(X509_get0_subject_key_id(cert));
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(cert), X509_get0_authority_key_id(cert)), 0);
	int at = X509_get_ext_by_NID(cert, NID_basic_constraints, -1);
	assert_true(X509_EXTENSION_get_critical(X509_get_ext(cert, at)));
	X509_free(cert);

	/* A leaf is not accepted in place of an authority. */
	struct certs_leaf leaf = server();
	assert_int_equal(issue(f, &leaf, NOW), 0);
	struct certs_pair second;
	certs_pair_init(&second);
	assert_int_equal(
	    certs_issue(&second, buf_view(&f->leaf.certificate), buf_view(&f->leaf.key), &leaf, NOW, &f->err), -1);
	assert_non_null(strstr(f->err.text, "may not sign certificates"));
}

/*
 * A name that is too long for a subject leaves the subject empty. RFC 5280 then requires critical
 * alternative names.
 */
static void long_name_makes_alternatives_critical(void **state)
{
	struct fixture *f = *state;
	const char *name = "a-name-of-more-than-sixty-four-bytes-in-all.of-a-long-namespace.svc.cluster.local";
	struct certs_leaf leaf = {.usage = CERTS_SERVER, .dns = &name, .dns_count = 1, .seconds = CERTS_DAY_SECONDS};
	assert_int_equal(issue(f, &leaf, NOW), 0);
	assert_int_equal(verify(f, name, NULL, X509_PURPOSE_SSL_SERVER, NOW), X509_V_OK);
	X509 *cert = certificate(&f->leaf);
	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(cert)), 0);
	int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
	assert_true(X509_EXTENSION_get_critical(X509_get_ext(cert, at)));
	X509_free(cert);
	leaf.common_name = name;
	assert_int_equal(issue(f, &leaf, NOW), -1);
	assert_non_null(strstr(f->err.text, "1 to 64"));
}

static void bad_authorities_are_refused(void **state)
{
	struct fixture *f = *state;
	struct certs_leaf leaf = server();
	struct certs_pair other;
	certs_pair_init(&other);
	struct error none = {0};
	assert_int_equal(certs_authority_create(&other, "other CA", NOW, 90 * CERTS_DAY_SECONDS, &none), 0);
	struct str cert = buf_view(&f->authority.certificate), key = buf_view(&f->authority.key);
	struct str half = {cert.ptr, cert.len / 2};
	const struct {
		struct str certificate, key;
		time_t now;
		const char *says;
	} rows[] = {
	    {cert, buf_view(&other.key), NOW, "does not belong"},
	    {cert, key, NOW + 90 * DAY, "has expired"},
	    {cert, key, NOW - DAY, "not valid yet"},
	    {STR("hello"), key, NOW, "authority's certificate: this is not a certificate in PEM"},
	    {STR(""), key, NOW, "not a certificate"},
	    {{NULL, 0}, key, NOW, "not a certificate"},
	    {half, key, NOW, "not a certificate"},
	    {cert, cert, NOW, "authority's key: this is a certificate; are the two files swapped?"},
	    {cert, {key.ptr, key.len - 40}, NOW, "not an unencrypted private key"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error err = {0};
		assert_int_equal(certs_issue(&f->leaf, rows[i].certificate, rows[i].key, &leaf, rows[i].now, &err), -1);
		assert_non_null(strstr(err.text, rows[i].says));
		assert_int_equal(f->leaf.key.len, 0);
	}
	certs_pair_release(&other);
}

/* OpenSSL's default callback would block here and prompt on the terminal. */
static void encrypted_key_is_refused_without_a_question(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = x509_read_key(buf_view(&f->authority.key), "it", &f->err);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL));
	char *text = NULL;
	long len = BIO_get_mem_data(bio, &text);
	struct certs_leaf leaf = server();
	assert_int_equal(certs_issue(&f->leaf, buf_view(&f->authority.certificate), (struct str){text, (size_t)len},
				     &leaf, NOW, &f->err),
			 -1);
	assert_non_null(strstr(f->err.text, "unencrypted"));
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void bad_requests_are_refused(void **state)
{
	struct fixture *f = *state;
	struct certs_leaf leaf = server();
	leaf.seconds = 0;
	assert_int_equal(issue(f, &leaf, NOW), -1);
	assert_non_null(strstr(f->err.text, "0 seconds"));
	leaf = server();
	leaf.seconds = CERTS_SECONDS_MAX + 1;
	assert_int_equal(issue(f, &leaf, NOW), -1);
	leaf = server();
	leaf.dns_count = leaf.ip_count = 0;
	assert_int_equal(issue(f, &leaf, NOW), -1);
	assert_non_null(strstr(f->err.text, "needs a name"));
	leaf.dns_count = SIZE_MAX;
	assert_int_equal(issue(f, &leaf, NOW), -1);
	assert_non_null(strstr(f->err.text, "at most"));
	leaf = server();
	leaf.common_name = "";
	assert_int_equal(issue(f, &leaf, NOW), -1);
	leaf.common_name = "two\nlines";
	assert_int_equal(issue(f, &leaf, NOW), -1);
	assert_non_null(strstr(f->err.text, "control"));
	const char *injected = "a,DNS:evil.example";
	leaf = server();
	leaf.dns = &injected;
	leaf.dns_count = 1;
	assert_int_equal(issue(f, &leaf, NOW), -1);
	assert_non_null(strstr(f->err.text, "not a DNS name"));
	leaf = server();
	leaf.ips = &injected;
	leaf.ip_count = 1;
	assert_int_equal(issue(f, &leaf, NOW), -1);
}

static void names_are_checked(void **state)
{
	(void)state;
	char label63[64], label64[65], long_name[300];
	memset(label63, 'a', 63);
	memset(label64, 'a', 64);
	label63[63] = label64[64] = '\0';
	for (size_t i = 0; i < sizeof long_name; i++)
		long_name[i] = i % 2 ? '.' : 'a';
	long_name[255] = '\0';
	const char *const good[] = {"localhost", "a.b", "*.a.b", "1a", "a-b.c-d", "9.9.9", "xn--bcher-kva.example",
				    label63};
	const char *const bad[] = {"",    ".",        "a.",  ".a",        "a..b",  "A",      "a_b",
				   "-a",  "a-",       "*",   "*.",        "a.*",   "*a.b",   "a b",
				   "a,b", "10.0.0.1", "::1", "b\xc3\xbc", label64, long_name};
	const char *const good_ips[] = {"127.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"};
	const char *const bad_ips[] = {"", "127.1", "[::1]", "fe80::1%eth0", "10.0.0.256", "localhost", "10.0.0.1 "};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(certs_check_dns(good[i], &(struct error){0}), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(certs_check_dns(bad[i], &(struct error){0}), -1);
	for (size_t i = 0; i < sizeof good_ips / sizeof *good_ips; i++)
		assert_int_equal(certs_check_ip(good_ips[i], &(struct error){0}), 0);
	for (size_t i = 0; i < sizeof bad_ips / sizeof *bad_ips; i++)
		assert_int_equal(certs_check_ip(bad_ips[i], &(struct error){0}), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(server_verifies_for_its_names_only, setup, teardown),
	    cmocka_unit_test_setup_teardown(client_is_for_clients, setup, teardown),
	    cmocka_unit_test_setup_teardown(validity_has_bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(leaf_never_outlives_its_authority, setup, teardown),
	    cmocka_unit_test_setup_teardown(keys_match_and_serials_differ, setup, teardown),
	    cmocka_unit_test_setup_teardown(authority_signs_no_authority, setup, teardown),
	    cmocka_unit_test_setup_teardown(long_name_makes_alternatives_critical, setup, teardown),
	    cmocka_unit_test_setup_teardown(bad_authorities_are_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(encrypted_key_is_refused_without_a_question, setup, teardown),
	    cmocka_unit_test_setup_teardown(bad_requests_are_refused, setup, teardown),
	    cmocka_unit_test(names_are_checked),
	};
	return cmocka_run_group_tests_name("certs", tests, NULL, NULL);
}
