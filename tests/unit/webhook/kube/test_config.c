/* test_config: tests kubeconfig files, valid and malicious, and a Pod's service account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/buf.h"
#include "webhook/kube/config.h"

struct fixture {
	char root[64];
	char path[128];
	struct kube_config *config;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->root, sizeof f->root, "/tmp/gpugate-config-XXXXXX");
	*state = f;
	return mkdtemp(f->root) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];
	kube_config_destroy(f->config);
	snprintf(command, sizeof command, "rm -rf '%s'", f->root);
	int status = system(command);
	free(f);
	return status;
}

static const char *path_in(struct fixture *f, const char *name)
{
	snprintf(f->path, sizeof f->path, "%s/%s", f->root, name);
	return f->path;
}

static void put_bytes(struct fixture *f, const char *name, struct str bytes)
{
	FILE *file = fopen(path_in(f, name), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static void put(struct fixture *f, const char *name, const char *text)
{
	put_bytes(f, name, str_of(text));
}

static struct kube_config *load_bytes(struct fixture *f, struct str text)
{
	kube_config_destroy(f->config);
	put_bytes(f, "kubeconfig", text);
	f->err = (struct error){0};
	f->config = kube_config_load(path_in(f, "kubeconfig"), &f->err);
	assert_int_equal(f->config == NULL, f->err.text[0] != '\0');
	return f->config;
}

static struct kube_config *load(struct fixture *f, const char *text)
{
	return load_bytes(f, str_of(text));
}

/* Loads a kubeconfig with this text in its cluster and its user. */
static struct kube_config *load_parts(struct fixture *f, const char *cluster, const char *user)
{
	char text[2048];
	snprintf(text, sizeof text,
		 "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],\n"
		 "clusters: [{name: k, cluster: {%s}}], users: [{name: u, user: {%s}}]}",
		 cluster, user);
	return load(f, text);
}

static void says(const struct fixture *f, const char *text)
{
	if (!strstr(f->err.text, text))
		fail_msg("\"%s\" does not say \"%s\"", f->err.text, text);
	assert_null(strstr(f->err.text, "S3CRET"));
}

static bool is(struct str text, const char *expected)
{
	return str_present(text) && str_eq(text, str_of(expected));
}

#define HTTPS "server: \"https://10.0.0.1:6443\""

static void test_everything_in_it(void **state)
{
	struct fixture *f = *state;
	load(f, "apiVersion: v1\n"
		"kind: Config\n"
		"preferences: {}\n"
		"current-context: second\n"
		"contexts:\n"
		"- name: first\n"
		"  context: {cluster: none, user: none}\n"
		"- name: second\n"
		"  context:\n"
		"    cluster: k\n"
		"    user: u\n"
		"    namespace: team-a\n"
		"    extensions: [{name: x, extension: {a: 1}}]\n"
		"clusters:\n"
		"- name: k\n"
		"  cluster:\n"
		"    server: https://api.example:6443/k8s/clusters/c-1/\n"
		"    tls-server-name: kubernetes\n"
		"    insecure-skip-tls-verify: false\n"
		"    certificate-authority: /nowhere\n"
		"    certificate-authority-data: |\n"
		"      Y2EgY2\n"
		"      EgY2E=\n"
		"users:\n"
		"- name: u\n"
		"  user:\n"
		"    token: ' S3CRET-token '\n"
		"    exec: null\n"
		"    username: ''\n"
		"    client-certificate-data: Y2VydA==\n"
		"    client-key-data: a2V5\n");
	assert_string_equal(f->err.text, "");
	assert_string_equal(kube_config_server(f->config), "https://api.example:6443/k8s/clusters/c-1");
	assert_string_equal(kube_config_namespace(f->config), "team-a");
	assert_string_equal(kube_config_server_name(f->config), "kubernetes");
	assert_true(is(kube_config_ca(f->config), "ca ca ca"));
	assert_true(is(kube_config_client_certificate(f->config), "cert"));
	assert_true(is(kube_config_client_key(f->config), "key"));
	assert_true(is(kube_config_token(f->config, 0, false), "S3CRET-token"));
}

static void test_as_little_as_possible(void **state)
{
	struct fixture *f = *state;
	assert_non_null(load(
	    f, "{\"current-context\": \"c\", \"contexts\": [{\"name\": \"c\", \"context\": {\"cluster\": \"k\"}}], "
	       "\"clusters\": [{\"name\": \"k\", \"cluster\": {\"server\": \"http://127.0.0.1:8001\"}}]}"));
	assert_string_equal(kube_config_server(f->config), "http://127.0.0.1:8001");
	assert_string_equal(kube_config_namespace(f->config), "default");
	assert_null(kube_config_server_name(f->config));
	assert_false(str_present(kube_config_ca(f->config)));
	assert_false(str_present(kube_config_client_certificate(f->config)));
	assert_false(str_present(kube_config_client_key(f->config)));
	assert_false(str_present(kube_config_token(f->config, 0, true)));
}

static void test_neighboring_files(void **state)
{
	struct fixture *f = *state;
	char absolute[256];
	assert_int_equal(mkdir(path_in(f, "pki"), 0700), 0);
	put(f, "pki/ca.crt", "the CA");
	put(f, "tls.crt", "the certificate");
	put(f, "tls.key", "the key");
	snprintf(absolute, sizeof absolute, "client-certificate: %s/tls.crt, client-key: ./tls.key, token: fallback",
		 f->root);
	load_parts(f, HTTPS ", certificate-authority: pki/ca.crt", absolute);
	assert_string_equal(f->err.text, "");
	assert_true(is(kube_config_ca(f->config), "the CA"));
	assert_true(is(kube_config_client_certificate(f->config), "the certificate"));
	assert_true(is(kube_config_client_key(f->config), "the key"));
	/* This also works for a path without a folder. */
	struct error err = {0};
	assert_int_equal(chdir(f->root), 0);
	struct kube_config *here = kube_config_load("kubeconfig", &err);
	assert_int_equal(chdir("/"), 0);
	assert_non_null(here);
	kube_config_destroy(here);
}

static void test_token_file(void **state)
{
	struct fixture *f = *state;
	put(f, "token", "S3CRET-1\n");
	load_parts(f, HTTPS, "token: other, tokenFile: token");
	assert_string_equal(f->err.text, "");
	assert_true(is(kube_config_token(f->config, 1000, false), "S3CRET-1"));
	put(f, "token", "S3CRET-2");
	assert_true(is(kube_config_token(f->config, 61000, false), "S3CRET-1"));
	assert_true(is(kube_config_token(f->config, 61001, false), "S3CRET-2"));
	put(f, "token", "S3CRET-3");
	assert_true(is(kube_config_token(f->config, 61002, true), "S3CRET-3"));
	static const char *const bad[] = {"", "two\nlines", "a b", "\xc3\xa4", "x\r\nHost: evil"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(f, "token", bad[i]);
		assert_true(is(kube_config_token(f->config, 61002, true), "S3CRET-3"));
	}
	assert_int_equal(unlink(path_in(f, "token")), 0);
	assert_true(is(kube_config_token(f->config, 999999, false), "S3CRET-3"));
	/* Opening it must not block the thread. */
	assert_int_equal(mkfifo(path_in(f, "token"), 0600), 0);
	assert_true(is(kube_config_token(f->config, 999999, true), "S3CRET-3"));
}

static void test_servers(void **state)
{
	static const struct {
		const char *given, *got; /* NULL: refused. */
	} rows[] = {
	    {"https://10.0.0.1", "https://10.0.0.1:443"},
	    {"https://api.example/", "https://api.example:443"},
	    {"https://[fd00::1]:6443", "https://[fd00::1]:6443"},
	    {"http://localhost:8001", "http://localhost:8001"},
	    {"http://127.9.9.9", "http://127.9.9.9:80"},
	    {"http://[::1]:1", "http://[::1]:1"},
	    {"http://10.0.0.1", NULL},
	    {"http://localhost.evil.example", NULL},
	    {"http://[fd00::1]", NULL},
	    {"http://127.0.0.1.evil.example", NULL},
	    {"https://user:S3CRET@10.0.0.1", NULL},
	    {"https://10.0.0.1/?x=1", NULL},
	    {"https://10.0.0.1/#x", NULL},
	    {"10.0.0.1:6443", NULL},
	    {"ftp://10.0.0.1", NULL},
	    {"file:///etc/passwd", NULL},
	    {"https://", NULL},
	    {"https://a b", NULL},
	    {"https://10.0.0.1:99999", NULL},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char cluster[128];
		snprintf(cluster, sizeof cluster, "server: \"%s\"", rows[i].given);
		load_parts(f, cluster, "");
		if (!rows[i].got && f->config)
			fail_msg("%s was taken", rows[i].given);
		if (rows[i].got && !f->config)
			fail_msg("%s: %s", rows[i].given, f->err.text);
		if (rows[i].got)
			assert_string_equal(kube_config_server(f->config), rows[i].got);
		else
			says(f, "cannot be used");
	}
}

/*
 * Without TLS, anyone on the network path could use any kind of credential, wherever the server is.
 */
static void test_no_credential_without_tls(void **state)
{
	static const char *const users[] = {
	    "token: S3CRET", "tokenFile: token", "client-certificate: crt, client-key: key",
	    "client-certificate-data: Y2VydA==, client-key-data: a2V5",
	    "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}"};
	static const char *const servers[] = {"http://127.0.0.1:8001", "HTTP://localhost", "http://[::1]:1"};
	struct fixture *f = *state;
	put(f, "token", "S3CRET");
	put(f, "crt", "cert");
	put(f, "key", "S3CRET");
	for (size_t i = 0; i < sizeof users / sizeof *users; i++)
		for (size_t j = 0; j < sizeof servers / sizeof *servers; j++) {
			char cluster[64];
			snprintf(cluster, sizeof cluster, "server: \"%s\"", servers[j]);
			assert_null(load_parts(f, cluster, users[i]));
			says(f, "is a credential, and the server http://");
			says(f, "is reached without TLS; use https://, or a context without a user (kubectl proxy)");
			says(f, "/kubeconfig:2:");
		}
	assert_non_null(load_parts(f, "server: \"http://127.0.0.1:8001\"", "token: ''"));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *cluster, *user, *says;
	} rows[] = {
	    {HTTPS ", insecure-skip-tls-verify: true", "", "give certificate-authority"},
	    {HTTPS ", proxy-url: \"http://p\"", "", "reached directly"},
	    {HTTPS, "exec: {command: aws}",
	     "exec: runs a program, and the server starts none; use a service account's token"},
	    {HTTPS, "auth-provider: {name: gcp}", "use token, tokenFile or a client certificate"},
	    {HTTPS, "username: me, password: S3CRET", "use token, tokenFile or a client certificate"},
	    {HTTPS, "password: S3CRET", "use token, tokenFile or a client certificate"},
	    {HTTPS, "as: admin", "impersonation"},
	    {HTTPS, "token: \"S3CRET\\nHost: x\"", "is not a token"},
	    {HTTPS, "token: [S3CRET]", "has to be a text"},
	    {HTTPS, "token: \"S3CRET\\0\"", "has to be a text"},
	    {HTTPS, "tokenFile: nowhere", "nowhere: No such file"},
	    {HTTPS, "client-key-data: a2V5", "give client-certificate and client-key"},
	    {HTTPS, "client-certificate-data: a2V5", "give client-certificate and client-key"},
	    {HTTPS, "client-key-data: S3CRET, client-certificate-data: a2V5", "client-key-data: is not base64"},
	    {HTTPS ", certificate-authority-data: \"a2V5=\"", "", "is not base64"},
	    {HTTPS ", certificate-authority-data: \"a=V5\"", "", "is not base64"},
	    {HTTPS ", certificate-authority-data: \"====\"", "", "is not base64"},
	    {HTTPS ", certificate-authority-data: \" \"", "", "is not base64"},
	    {HTTPS ", certificate-authority-data: \"a2\\u00e45\"", "", "is not base64"},
	    {HTTPS ", certificate-authority: nowhere", "", "certificate-authority cannot be read from"},
	    {HTTPS ", " HTTPS, "", "kubeconfig:2:"},
	    {"", "", "server: is missing"},
	    {"server: {}", "", "has to be a text"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_null(load_parts(f, rows[i].cluster, rows[i].user));
		says(f, rows[i].says);
		says(f, "/kubeconfig");
	}
}

static void test_broken_files(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"", "the file is empty"},
	    {"# nothing\n", "it has to be a kubeconfig"},
	    {"a list\n", "a map with this key is expected here"},
	    {"- a\n", "a map with this key is expected here"},
	    {"contexts: []\n", "kubectl config use-context"},
	    {"kind: Tenant\n", "is not a kubeconfig, but of kind Tenant; name a file of kind Config"},
	    {"kind: Config\n", "has no current-context; set it with `kubectl config use-context NAME`"},
	    {"current-context: c\n---\na: b\n",
	     ":2:1: a kubeconfig is one document, and a second one begins here; is this the right file?"},
	    {"current-context: c\n", "contexts has no entry named \"c\""},
	    {"current-context: c\ncontexts: text\n", "has to be a list"},
	    {"current-context: c\ncontexts: [text]\n", "a map with this key is expected here"},
	    {"current-context: c\ncontexts: [{name: c}]\n", "context: is missing"},
	    {"current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n", "clusters has no entry named \"k\""},
	    {"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
	     "clusters: [{name: k, cluster: {server: \"https://a\"}}]\n",
	     "users has no entry named \"u\""},
	    {"current-context: c\ncurrent-context: d\n", ":2:1: current-context: is given twice"},
	    {"current-context: &a c\nx: *a\n", ":2:4: aliases"},
	    {"a: &a [*a]\n", "aliases"},
	    {"a: b\n---\na: b\n", "one document"},
	    {"a: [b\n", "kubeconfig:2:1"},
	    {"\t\n- a\n b", "kubeconfig:"},
	    {"a: \xff", "kubeconfig:"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_null(load(f, rows[i].text));
		says(f, rows[i].says);
	}
	f->err = (struct error){0};
	assert_null(kube_config_load("/nowhere/kubeconfig", &f->err));
	says(f, "/nowhere/kubeconfig: No such file");
	f->err = (struct error){0};
	assert_null(kube_config_load(f->root, &f->err));
	says(f, "Is a directory");
}

/* Files that are too large, or expensive for libyaml, are refused immediately. */
static void test_hostile_files(void **state)
{
	struct fixture *f = *state;
	size_t most = 1 << 20;
	char *text = malloc(most + 1);
	memset(text, '[', most + 1);
	assert_null(load_bytes(f, (struct str){text, most}));
	says(f, "nested too deep");
	assert_null(load_bytes(f, (struct str){text, most + 1}));
	says(f, "1 to 1048576 bytes; the file is larger");
	for (size_t i = 0; i + 2 <= most; i += 2)
		memcpy(text + i, "- ", 2);
	assert_null(load_bytes(f, (struct str){text, most}));
	says(f, "nested too deep");
	free(text);
}

/* --- In a Pod --- */

static struct kube_config *load_pod(struct fixture *f, const char *host, const char *port)
{
	struct kube_config_source source = {.host = host, .port = port, .folder = f->root};
	kube_config_destroy(f->config);
	f->err = (struct error){0};
	return f->config = kube_config_load_from(&source, &f->err);
}

static void test_pod(void **state)
{
	struct fixture *f = *state;
	assert_null(load_pod(f, NULL, "443"));
	says(f, "give --kubeconfig FILE");
	assert_null(load_pod(f, "10.0.0.1", ""));
	says(f, "give --kubeconfig FILE");
	assert_null(load_pod(f, "10.0.0.1", "443"));
	says(f, "ca.crt");
	put(f, "ca.crt", "the CA");
	assert_null(load_pod(f, "10.0.0.1", "443"));
	says(f, "automountServiceAccountToken");
	put(f, "token", "S3CRET\n");
	assert_non_null(load_pod(f, "10.0.0.1", "443"));
	assert_string_equal(kube_config_server(f->config), "https://10.0.0.1:443");
	assert_string_equal(kube_config_namespace(f->config), "default");
	assert_true(is(kube_config_ca(f->config), "the CA"));
	assert_true(is(kube_config_token(f->config, 0, false), "S3CRET"));
	put(f, "token", "S3CRET-2\n");
	assert_true(is(kube_config_token(f->config, 1, true), "S3CRET-2"));
	put(f, "namespace", "gpugate-system\n");
	assert_non_null(load_pod(f, "fd00::1", "6443"));
	assert_string_equal(kube_config_server(f->config), "https://[fd00::1]:6443");
	assert_string_equal(kube_config_namespace(f->config), "gpugate-system");
	assert_non_null(load_pod(f, "[fd00::1]", "6443"));
	assert_string_equal(kube_config_server(f->config), "https://[fd00::1]:6443");
	assert_null(load_pod(f, "10.0.0.1", "port"));
	says(f, "cannot be used");
}

static void test_environment_is_the_pods(void **state)
{
	struct fixture *f = *state;
	unsetenv("KUBERNETES_SERVICE_HOST");
	/* Must be ignored. */
	setenv("KUBECONFIG", path_in(f, "kubeconfig"), 1);
	put(f, "kubeconfig", "x");
	assert_null(kube_config_load(NULL, &f->err));
	says(f, "this is not a Pod");
	unsetenv("KUBECONFIG");
	kube_config_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_everything_in_it),
	    TEST(test_as_little_as_possible),
	    TEST(test_neighboring_files),
	    TEST(test_token_file),
	    TEST(test_servers),
	    TEST(test_refusals),
	    TEST(test_no_credential_without_tls),
	    TEST(test_broken_files),
	    TEST(test_hostile_files),
	    TEST(test_pod),
	    TEST(test_environment_is_the_pods),
	};
	return cmocka_run_group_tests_name("kube_config", tests, NULL, NULL);
}
