/* The rights of viewers without memory: the error never blames the policy or a group's name, and no name is left out. */
#include <jansson.h>

#include "tests/unit/policy_fixture.h"
#include "webhook/registration/render.h"

#define TENANT(name)                                                                                                   \
	"---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\n"                                   \
	"spec: {namespaces: [" name "], quotas: [{name: x, hard: 1}, {name: y, hard: 2}]}\n"

static long fails_at = -1, allocations; /* which allocation of jansson fails; -1: none */

static void *allocate(size_t bytes)
{
	return allocations++ == fails_at ? NULL : malloc(bytes);
}

static void test_without_memory(void **state)
{
	static const char *const viewers[] = {"a=readers", "a=others", "b=readers"};
	struct policy *policy = fixture_policy(TENANT("a") TENANT("b"), NULL, 0);
	assert_non_null(policy);
	(void)state;
	json_set_alloc_funcs(allocate, free);
	struct error err = {0};
	json_t *whole = render_viewers(policy, viewers, 3, &err);
	assert_non_null(whole);
	assert_int_equal(json_array_size(whole), 4);
	long count = allocations;
	assert_true(count > 50);
	for (fails_at = 0; fails_at < count; fails_at++) {
		allocations = 0;
		err.text[0] = '\0';
		json_t *part = render_viewers(policy, viewers, 3, &err);
		if (part ? !json_equal(part, whole) : strcmp(err.text, "not enough memory") != 0)
			fail_msg("allocation %ld of %ld: %s", fails_at, count, part ? "a part is missing" : err.text);
		json_decref(part);
	}
	fails_at = -1;
	json_decref(whole);
	policy_release(policy);
}

static void test_odd_names(void **state)
{
	static const char *const viewers[] = {"a=\xff"};
	struct policy *policy = fixture_policy(TENANT("a"), NULL, 0);
	struct error err = {0};
	(void)state;
	assert_null(render_viewers(policy, viewers, 1, &err));
	assert_string_equal(err.text, "--viewers: the name of a group for Tenant a is not UTF-8; write it in UTF-8");
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_without_memory), cmocka_unit_test(test_odd_names)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
