/*
 * If memory is exhausted, nothing is rendered, not even a part. The error does not blame the policy
 * or the name of a group.
 */
#include <jansson.h>

#include "gpugate/scope.h"
#include "tests/unit/policy_fixture.h"
#include "webhook/registration/render.h"

#define TENANT(name)                                                                                                   \
	"---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\n"                                   \
	"spec: {namespaces: [" name "], quotas: [{name: x, hard: 1}, {name: y, hard: 2}]}\n"

#define RULES                                                                                                          \
	"---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\n"                                            \
	"spec: {rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}\n"                                       \
	"---\napiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\nspec: {deny: [privileged]}\n"               \
	"---\napiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: {exempt: {namespaces: "            \
	"[kube-system]}}\n"

static long fails_at = -1, allocations; /* which allocation of jansson fails; -1: none */

static void *allocate(size_t bytes)
{
	return allocations++ == fails_at ? NULL : malloc(bytes);
}

static void test_viewers_without_memory(void **state)
{
	static const char *const viewers[] = {"a=readers", "a=others", "b=readers"};
	struct policy *policy = fixture_policy(TENANT("a") TENANT("b"), NULL, 0);
	assert_non_null(policy);
	(void)state;
	struct error err = {0};
	allocations = 0;
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

static const struct policy *rendered;
static const struct policy_scope *scope;
static const struct render_target target = {.namespace = "gpu",
					    .self_managed = true,
					    .minor = 30,
					    .service = "gpugate",
					    .secret = "secret",
					    .ca_bundle = "QUJD"},
				  cluster = {.namespace = "gpu", .cluster = true, .minor = 28, .url = "https://x"};

static json_t *mutating(void)
{
	return render_mutating(&target, scope);
}

static json_t *validating(void)
{
	return render_validating(&target, scope, rendered);
}

static json_t *access_self_managed(void)
{
	return render_access(&target, scope);
}

static json_t *access_cluster(void)
{
	return render_access(&cluster, scope);
}

static json_t *priority(void)
{
	return render_priority(&cluster);
}

static json_t *namespace(void)
{
	return render_namespace(&cluster);
}

static void test_objects_without_memory(void **state)
{
	static json_t *(*const renders[])(void) = {mutating, validating, access_self_managed, access_cluster,
						   priority, namespace,  render_ledger_crd,   render_quota_crd};
	struct policy *policy = fixture_policy(TENANT("a") RULES, NULL, 0);
	struct arena arena;
	struct policy_scope all;
	(void)state;
	assert_non_null(policy);
	arena_init(&arena, 1 << 16, 1 << 20);
	assert_int_equal(policy_scope(policy, &arena, &all), 0);
	assert_true(all.exempt_namespaces.count > 0);
	rendered = policy;
	scope = &all;
	for (size_t i = 0; i < sizeof renders / sizeof *renders; i++) {
		allocations = 0;
		json_t *whole = renders[i]();
		assert_non_null(whole);
		long count = allocations;
		for (fails_at = 0; fails_at < count; fails_at++) {
			allocations = 0;
			json_t *part = renders[i]();
			if (part && !json_equal(part, whole))
				fail_msg("render %zu: something is missing without allocation %ld of %ld", i, fails_at,
					 count);
			json_decref(part);
		}
		fails_at = -1;
		json_decref(whole);
	}
	arena_release(&arena);
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
	json_set_alloc_funcs(allocate, free);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_viewers_without_memory),
					   cmocka_unit_test(test_odd_names),
					   cmocka_unit_test(test_objects_without_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
