/* test_exec: tests credential plug-ins: how the program is run, and what it may print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "webhook/kube/config_exec.h"
#include "webhook/kube/exec.h"

#define PATIENCE_MS 60000
#define V1 "client.authentication.k8s.io/v1"

struct fixture {
	struct buf out;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	buf_init(&f->out, KUBE_EXEC_OUTPUT_MAX);
	*state = f;
	return f ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	buf_wipe(&f->out);
	free(f);
	return 0;
}

/* Runs a shell command in place of the plug-in. */
static int run_within(struct fixture *f, const char *line, int64_t limit_ms)
{
	const char *const args[] = {"/bin/sh", "-c", line, "name", "an argument; $HOME", NULL};
	const char *const environment[] = {"PATH=/usr/bin:/bin", "GIVEN=a b", NULL};
	const struct kube_exec exec = {.args = args, .environment = environment, .limit_ms = limit_ms};
	buf_wipe(&f->out);
	f->err = (struct error){0};
	return kube_exec_run(&exec, &f->out, &f->err);
}

static int run(struct fixture *f, const char *line)
{
	return run_within(f, line, PATIENCE_MS);
}

static void prints(struct fixture *f, const char *line, const char *expected)
{
	if (run(f, line) < 0)
		fail_msg("%s: %s", line, f->err.text);
	if (!str_eq(buf_view(&f->out), str_of(expected)))
		fail_msg("%s printed \"%.*s\"", line, STR_ARG(buf_view(&f->out)));
}

static void fails(struct fixture *f, const char *line, const char *text)
{
	assert_int_equal(run(f, line), -1);
	assert_string_equal(f->err.text, text);
	assert_int_equal(f->out.len, 0);
}

static void test_what_it_gets(void **state)
{
	struct fixture *f = *state;
	prints(f, "echo \"$1\"", "an argument; $HOME\n");
	prints(f, "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort", "GIVEN=a b\nPATH=/usr/bin:/bin\n");
	prints(f, "cat; readlink /proc/$$/fd/0", "/dev/null\n");
}

/* Signals that stay ignored or blocked in the program would keep its pipelines running forever. */
static void test_its_signals_are_the_ordinary_ones(void **state)
{
	struct fixture *f = *state;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fails(f, "kill -PIPE $$", "the program \"/bin/sh\" was ended by signal 13 (Broken pipe)");
	fails(f, "kill -TERM $$", "the program \"/bin/sh\" was ended by signal 15 (Terminated)");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static void test_failures(void **state)
{
	struct fixture *f = *state;
	fails(f, "echo half; exit 3", "the program \"/bin/sh\" failed with exit status 3; its own message is above");
	fails(f, "kill -9 $$", "the program \"/bin/sh\" was ended by signal 9 (Killed)");
	fails(f, "exec cat /dev/zero",
	      "the program \"/bin/sh\" wrote 1048576 bytes or more; an ExecCredential is expected");
	fails(f, "head -c 1048576 /dev/zero",
	      "the program \"/bin/sh\" wrote 1048576 bytes or more; an ExecCredential is expected");
}

static void test_it_is_killed_in_time(void **state)
{
	struct fixture *f = *state;
	static const char *const lines[] = {"exec sleep 600", "exec >&-; sleep 600 2>&-",
					    "while :; do echo x; sleep 0.01; done"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_int_equal(run_within(f, lines[i], 300), -1);
		assert_string_equal(
		    f->err.text,
		    "the program \"/bin/sh\" did not end within 0 s and was killed; run it by hand to see why");
	}
}

/* A background process of the program keeps its output open, which must not block the caller. */
static void test_a_child_that_it_leaves_behind(void **state)
{
	struct fixture *f = *state;
	prints(f, "sleep 5 & echo there", "there\n");
}

static void test_not_found(void **state)
{
	struct fixture *f = *state;
	const char *const environment[] = {NULL};
	const char *const bare[] = {"gpugate-no-such-plugin", NULL}, *const path[] = {"/none/plugin", NULL},
			  *const text[] = {"/etc/passwd", NULL};
	struct kube_exec exec = {.args = bare, .environment = environment, .limit_ms = PATIENCE_MS};
	assert_int_equal(kube_exec_run(&exec, &f->out, &f->err), -1);
	assert_string_equal(
	    f->err.text,
	    "the program \"gpugate-no-such-plugin\" was not found in PATH; install it, or correct `command`");
	exec.hint = "see https://example.com";
	exec.args = path;
	f->err = (struct error){0};
	assert_int_equal(kube_exec_run(&exec, &f->out, &f->err), -1);
	assert_string_equal(f->err.text,
			    "the program \"/none/plugin\" was not found; install it: see https://example.com");
	exec.args = text;
	f->err = (struct error){0};
	assert_int_equal(kube_exec_run(&exec, &f->out, &f->err), -1);
	assert_string_equal(f->err.text, "the program \"/etc/passwd\" cannot be started: Permission denied");
}

#define CREDENTIAL(status) "{\"apiVersion\": \"" V1 "\", \"kind\": \"ExecCredential\", \"status\": " status "}"

static void test_credentials(void **state)
{
	static const struct {
		const char *json, *text; /* NULL: accepted. */
	} rows[] = {
	    {CREDENTIAL("{\"token\": \"S3CRET\"}"), NULL},
	    {CREDENTIAL("{\"token\": \"S3CRET\", \"expirationTimestamp\": null}"), NULL},
	    {CREDENTIAL("{\"token\": \"S3CRET\", \"expirationTimestamp\": \"2999-01-31T12:00:00Z\"}"), NULL},
	    {CREDENTIAL("{\"token\": \"S3CRET\", \"expirationTimestamp\": \"2999-01-31T12:00:00.123456789+02:00\"}"),
	     NULL},
	    {CREDENTIAL("{\"clientCertificateData\": \"cert\", \"clientKeyData\": \"S3CRET\"}"), NULL},
	    {CREDENTIAL("{\"token\": \"S3CRET\", \"expirationTimestamp\": \"2020-01-31T12:00:00Z\"}"),
	     "its credential expired at 2020-01-31T12:00:00Z; log in again, as the plug-in wants it"},
	    {CREDENTIAL("{\"token\": \"S3CRET\", \"expirationTimestamp\": \"soon\"}"),
	     "status.expirationTimestamp \"soon\" is not a time such as 2030-01-31T12:00:00Z"},
	    {CREDENTIAL("{\"token\": \"S3CRET\\nHost: x\"}"),
	     "status.token is not a token; it has to be one line of plain characters"},
	    {CREDENTIAL("{}"), "its ExecCredential has neither a token nor a client certificate"},
	    {CREDENTIAL("{\"token\": \"\"}"), "its ExecCredential has neither a token nor a client certificate"},
	    {CREDENTIAL("{\"token\": 7}"), "its ExecCredential has neither a token nor a client certificate"},
	    {CREDENTIAL("{\"clientKeyData\": \"S3CRET\"}"),
	     "its ExecCredential has clientKeyData without clientCertificateData; both are needed"},
	    {CREDENTIAL("{\"clientCertificateData\": \"S3CRET\"}"),
	     "its ExecCredential has clientCertificateData without clientKeyData; both are needed"},
	    {"{\"apiVersion\": \"" V1 "\", \"kind\": \"ExecCredential\"}", "its ExecCredential has no status"},
	    {"{\"apiVersion\": \"" V1 "beta1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"S3CRET\"}}",
	     "its ExecCredential has the apiVersion \"" V1 "beta1\", and the kubeconfig says \"" V1
	     "\"; correct apiVersion in the kubeconfig"},
	    {"{\"kind\": \"Status\"}", "its output is not an ExecCredential but has the kind \"Status\""},
	    {"[]", "its output is not an ExecCredential but has the kind \"\""},
	    {"", "its output is not JSON: it is empty (line 1); an ExecCredential is expected"},
	    {"S3CRET", "its output is not JSON: '[' or '{' expected (line 1); an ExecCredential is expected"},
	    {"{\"token\": S3CRET}", "its output is not JSON: invalid token (line 1); an ExecCredential is expected"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct kube_config config = {0};
		struct error err = {0};
		int result = kube_exec_credential(str_of(rows[i].json), V1, &config, &err);
		assert_string_equal(err.text, rows[i].text ? rows[i].text : "");
		assert_int_equal(result, rows[i].text ? -1 : 0);
		assert_null(strstr(err.text, "S3CRET"));
		buf_wipe(&config.token);
		buf_wipe(&config.certificate);
		buf_wipe(&config.key);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_what_it_gets),         TEST(test_its_signals_are_the_ordinary_ones), TEST(test_failures),
	    TEST(test_it_is_killed_in_time), TEST(test_a_child_that_it_leaves_behind),     TEST(test_not_found),
	    TEST(test_credentials),
	};
	return cmocka_run_group_tests_name("kube_exec", tests, NULL, NULL);
}
