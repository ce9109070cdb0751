/* test_trust: tests whether the registered webhooks accept the certificate that is served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "gpugate/certs.h"
#include "webhook/registration/trust.h"

#define VALIDATING(webhooks) "{\"kind\": \"ValidatingWebhookConfiguration\", \"webhooks\": [" webhooks "]}"
#define SERVICE "{\"name\": \"gpugate\", \"namespace\": \"gpu\"}"

struct fixture {
	struct certs_pair authority, other, server;
	char right[4096], wrong[4096], both[8192]; /* caBundles in base64. */
	char why[REGISTRATION_WHY_MAX];
	struct error err;
};

static void encode(const struct buf *one, const struct buf *two, char *out)
{
	struct buf all;
	buf_init(&all, 1 << 16);
	buf_str(&all, buf_view(one));
	if (two)
		buf_str(&all, buf_view(two));
	EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)all.ptr, (int)all.len);
	buf_release(&all);
}

static int set_up(void **state)
{
	static const char *const names[] = {"gpugate.gpu.svc", "webhook.example"}, *const ips[] = {"10.0.0.7",
												   "fd00::1"};
	const struct certs_leaf leaf = {.usage = CERTS_SERVER,
					.dns = names,
					.dns_count = 2,
					.ips = ips,
					.ip_count = 2,
					.seconds = CERTS_DAY_SECONDS};
	struct fixture *f = calloc(1, sizeof *f);
	struct error err = {0};
	time_t now = time(NULL);
	certs_pair_init(&f->authority);
	certs_pair_init(&f->other);
	certs_pair_init(&f->server);
	assert_int_equal(certs_authority_create(&f->authority, "gpugate CA", now, 2 * CERTS_DAY_SECONDS, &err), 0);
	assert_int_equal(certs_authority_create(&f->other, "gpugate CA", now, 2 * CERTS_DAY_SECONDS, &err), 0);
	assert_int_equal(
	    certs_issue(&f->server, buf_view(&f->authority.certificate), buf_view(&f->authority.key), &leaf, now, &err),
	    0);
	encode(&f->authority.certificate, NULL, f->right);
	encode(&f->other.certificate, NULL, f->wrong);
	encode(&f->other.certificate, &f->authority.certificate, f->both);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	certs_pair_release(&f->authority);
	certs_pair_release(&f->other);
	certs_pair_release(&f->server);
	free(f);
	return 0;
}

static int judge(struct fixture *f, const char *json, time_t later)
{
	f->why[0] = '\0';
	f->err = (struct error){0};
	return registration_trust(false, str_of(json), buf_view(&f->server.certificate), time(NULL) + later, f->why,
				  &f->err);
}

/* Judges a configuration with one webhook. */
static int judge_one(struct fixture *f, const char *bundle, const char *address)
{
	char json[16384];
	snprintf(json, sizeof json,
		 VALIDATING("{\"name\": \"quota.gpugate.io\", \"clientConfig\": {\"caBundle\": \"%s\", %s}}"), bundle,
		 address);
	return judge(f, json, 0);
}

#define ACCEPTED(f, bundle, address) assert_int_equal(judge_one(f, bundle, address), 0)

static void refused(struct fixture *f, const char *bundle, const char *address, const char *fault)
{
	static const char begin[] =
	    "the API server does not accept the certificate that is served for webhook quota.gpugate.io of the "
	    "ValidatingWebhookConfiguration: ";
	assert_int_equal(judge_one(f, bundle, address), 1);
	assert_memory_equal(f->why, begin, sizeof begin - 1);
	if (!strstr(f->why, fault))
		fail_msg("\"%s\" does not say \"%s\"", f->why, fault);
}

static void test_bundles(void **state)
{
	struct fixture *f = *state;
	ACCEPTED(f, f->right, "\"service\": " SERVICE);
	ACCEPTED(f, f->both, "\"service\": " SERVICE);
	refused(f, f->wrong, "\"service\": " SERVICE,
		"was signed by an authority called CN=gpugate CA, like the trusted one, but with another key");
	refused(f, "", "\"service\": " SERVICE, "it has no caBundle");
	refused(f, "?", "\"service\": " SERVICE, "its caBundle is not base64");
	refused(f, "Cg==", "\"service\": " SERVICE, "holds no certificate in PEM");
	ACCEPTED(f, "", "\"url\": \"https://webhook.example/x\"");
}

static void test_addresses(void **state)
{
	struct fixture *f = *state;
	refused(f, f->right, "\"service\": {\"name\": \"gpugate\", \"namespace\": \"other\"}",
		"is not for gpugate.other.svc");
	ACCEPTED(f, f->right, "\"url\": \"https://webhook.example/validate\"");
	ACCEPTED(f, f->right, "\"url\": \"https://webhook.example:8443/validate?x=1\"");
	ACCEPTED(f, f->right, "\"url\": \"https://10.0.0.7:8443\"");
	ACCEPTED(f, f->right, "\"url\": \"https://[fd00::1]:8443/\"");
	refused(f, f->right, "\"url\": \"https://10.0.0.8:8443/\"", "is not for 10.0.0.8");
	refused(f, f->right, "\"url\": \"https://other.example/\"", "is not for other.example");
}

static void test_each_webhook_counts(void **state)
{
	struct fixture *f = *state;
	char json[16384];
	assert_int_equal(judge(f, VALIDATING(""), 0), 0);
	snprintf(json, sizeof json,
		 VALIDATING("{\"name\": \"a\", \"clientConfig\": {\"caBundle\": \"%s\", \"service\": " SERVICE
			    "}}, {\"name\": \"b\", \"clientConfig\": {\"caBundle\": \"%s\", \"service\": " SERVICE
			    "}}"),
		 f->right, f->wrong);
	assert_int_equal(judge(f, json, 0), 1);
	assert_non_null(strstr(f->why, "for webhook b of"));
}

static void test_time_counts(void **state)
{
	struct fixture *f = *state;
	char json[8192];
	snprintf(json, sizeof json,
		 VALIDATING("{\"name\": \"a\", \"clientConfig\": {\"caBundle\": \"%s\", \"service\": " SERVICE "}}"),
		 f->right);
	assert_int_equal(judge(f, json, CERTS_DAY_SECONDS + 1), 1);
	assert_non_null(strstr(f->why, "expired on"));
}

static void test_what_is_not_a_configuration(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(judge(f, "{", 0), -1);
	assert_non_null(strstr(f->err.text, "cannot be read"));
	assert_int_equal(judge(f, "[]", 0), 0);
	assert_int_equal(judge(f, VALIDATING("7, {}, {\"clientConfig\": []}"), 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bundles),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_each_webhook_counts),
	    cmocka_unit_test(test_time_counts),
	    cmocka_unit_test(test_what_is_not_a_configuration),
	};
	return cmocka_run_group_tests_name("registration_trust", tests, set_up, tear_down);
}
