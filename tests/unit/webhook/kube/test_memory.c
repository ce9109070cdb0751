/*
 * test_memory: tests that the parts of the API server client say that memory is exhausted, if that
 * is why they cannot be created. Allocations fail through the linker's --wrap (see the Makefile).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "webhook/kube/client.h"
#include "webhook/kube/config.h"
#include "webhook/kube/loop.h"
#include "webhook/kube/watch.h"

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

/* Number of allocations that still succeed before one fails. Negative: none fails any more. */
static long fails_in = -1;

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails_in >= 0 && fails_in-- == 0 ? NULL : __real_calloc(count, bytes);
}

static struct kube_config *config(struct error *err)
{
	char path[] = "/tmp/gpugate-unit-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	assert_non_null(file);
	fputs("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
	      "clusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\nusers: [{name: u, user: {}}]\n",
	      file);
	fclose(file);
	const struct kube_config_source source = {.kubeconfig = path};
	struct kube_config *loaded = kube_config_load_from(&source, err);
	unlink(path);
	return loaded;
}

/* Creates and destroys all parts. Returns whether all of them could be created. */
static bool create(struct error *err)
{
	const struct kube_watch_options options = {.name = "pods", .path = "/api/v1/pods"};
	struct kube_config *loaded = config(err);
	struct kube_loop *loop = loaded ? kube_loop_create(err) : NULL;
	struct kube_client *client = loop ? kube_client_create(loop, loaded, err) : NULL;
	struct kube_watch *watch = client ? kube_watch_create(loop, client, &options, err) : NULL;
	kube_watch_destroy(watch);
	kube_client_destroy(client);
	kube_loop_destroy(loop);
	kube_config_destroy(loaded);
	return watch != NULL;
}

static void test_the_reason_is_memory(void **state)
{
	(void)state;
	long allocations = 0;
	for (bool failed = true; failed; allocations++) {
		struct error err = {.text = ""};
		fails_in = allocations;
		bool created = create(&err);
		failed = fails_in < 0;
		fails_in = -1;
		assert_int_equal(created, !failed);
		if (failed && !strstr(err.text, "memory"))
			fail_msg("allocation %ld: \"%s\"", allocations, err.text);
	}
	assert_true(allocations > 4); /* Something failed. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_reason_is_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
