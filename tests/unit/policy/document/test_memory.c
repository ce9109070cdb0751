/*
 * test_memory: tests that a policy is never accepted with a check left out because an allocation
 * failed. Allocations fail through the linker's --wrap (see the Makefile).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "policy/document/read.h"

void *__real_calloc(size_t count, size_t bytes);
void *__real_reallocarray(void *old, size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_reallocarray(void *old, size_t count, size_t bytes);

/* Number of allocations that still succeed before one fails. Negative: none fails any more. */
static long fails_in = -1;

static bool is_refused(void)
{
	return fails_in >= 0 && fails_in-- == 0;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_reallocarray(void *old, size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_reallocarray(old, count, bytes);
}

#define GUARD "apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: x}\n"

/* Policies with one mistake that is found with the help of memory of its own. */
static const char *const policies[] = {
    GUARD "spec: {deny: [], deny: [privileged]}\n",
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: x}\nspec:\n  resource: nvidia.com/gpu\n"
    "  mig:\n    profiles:\n    - {name: 1g.1gb, computeSlices: 1, memorySlices: 1}\n"
    "    - {name: 1g.1gb, computeSlices: 2, memorySlices: 1}\n",
    GUARD "spec: {deny: []}\n---\n" GUARD "spec: {deny: []}\n",
};

static bool says_memory(const struct report *report)
{
	for (unsigned i = 0; i < report->count; i++) {
		if (str_starts(report->findings[i].text, STR("no memory is left to read")))
			return true;
	}
	return false;
}

static void test_no_check_is_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
		long allocations = 0;
		for (bool failed = true; failed; allocations++) {
			struct arena arena;
			struct report report;
			struct docs docs;
			arena_init(&arena, 1 << 16, (size_t)1 << 20);
			report_init(&report);
			fails_in = allocations;
			int result = docs_read_bytes("t.yaml", str_of(policies[i]), &arena, &docs, &report);
			failed = fails_in < 0;
			fails_in = -1;
			assert_int_equal(result, -1);
			assert_int_equal(says_memory(&report), failed);
			arena_release(&arena);
			report_release(&report);
		}
		assert_true(allocations > 2); /* Something failed. */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_check_is_left_out)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
