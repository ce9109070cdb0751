/*
 * test_memory: tests that policy_load reports an error whenever a failed allocation keeps it from
 * loading a policy. Allocations fail through the linker's --wrap (see the Makefile).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "gpugate/report.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_reallocarray(void *old, size_t count, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_reallocarray(void *old, size_t count, size_t bytes);
char *__wrap_strdup(const char *text);

/* Number of allocations that still succeed. Negative: all succeed. */
static long left = -1;
/* Whether all allocations fail after the first that does. */
static bool for_good;
static long failures;

static bool is_refused(void)
{
	if (left != 0) {
		left -= left > 0;
		return false;
	}
	left = for_good ? 0 : -1;
	failures++;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return is_refused() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_reallocarray(void *old, size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_reallocarray(old, count, bytes);
}

char *__wrap_strdup(const char *text)
{
	return is_refused() ? NULL : __real_strdup(text);
}

static const char policy[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\nspec:\n"
    "  resource: nvidia.com/gpu\n  nodeLabels: {gpu: a100}\n  mig: {offered: [1g.10gb, 3g.40gb]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec:\n  namespaces: [a, \"a-*\"]\n"
    "  quotas:\n  - {name: gpus, measure: gpus, hard: \"6.5\"}\n  - {name: memory, measure: memory, hard: 320Gi}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: slices}\nspec:\n  match: {tenants: [a]}\n"
    "  inject: {nodeSelector: {pool: mig}, tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: bypasses}\n"
    "spec: {deny: [privileged], visibleDevices: void}\n";

struct fixture {
	char folder[64], path[80];
};

static int set_up(void **state)
{
	static struct fixture fixture = {.folder = "/tmp/gpugate-unit-XXXXXX"};
	assert_non_null(mkdtemp(fixture.folder));
	snprintf(fixture.path, sizeof fixture.path, "%s/p.yaml", fixture.folder);
	FILE *file = fopen(fixture.path, "w");
	assert_non_null(file);
	fputs(policy, file);
	fclose(file);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	const struct fixture *fixture = *state;
	unlink(fixture->path);
	return rmdir(fixture->folder);
}

/* Loads the policy while an allocation fails. Returns whether one did. */
static bool load(const struct fixture *fixture, long succeed)
{
	const char *const paths[] = {fixture->folder};
	static struct report report;
	report_init(&report);
	failures = 0;
	left = succeed;
	struct policy *loaded = policy_load(paths, 1, &report);
	left = -1;
	assert_true(!loaded == (report.errors > 0));
	for (unsigned i = 0; i < report.count; i++) /* The only mistake is in the machine. */
		assert_true(strstr(report.findings[i].text.ptr, "memory") != NULL);
	if (!failures)
		assert_non_null(loaded);
	policy_release(loaded);
	report_release(&report);
	return failures > 0;
}

static void fail_each(void **state, bool forever)
{
	long succeed = 0;
	for_good = forever;
	while (load(*state, succeed))
		succeed++;
	assert_true(succeed > 10); /* Enough failed. */
}

static void test_one_allocation_fails(void **state)
{
	fail_each(state, false);
}

static void test_all_allocations_fail_from_one_on(void **state)
{
	fail_each(state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_allocation_fails),
					   cmocka_unit_test(test_all_allocations_fail_from_one_on)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
