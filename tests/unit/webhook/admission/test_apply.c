/* test_apply: edits of environments. tests/blackbox compares all edits with the patches. */
#include "tests/unit/policy_fixture.h"

#include "webhook/admission/apply.h"

#define VARIABLES 2000

static struct edit replace(uint32_t container, int32_t index)
{
	return (struct edit){.kind = EDIT_ENV,
			     .container = container,
			     .env_index = index,
			     .key = STR("NVIDIA_VISIBLE_DEVICES"),
			     .value = STR("void")};
}

/* Edits of several containers come in any order, and the original stays as it is. */
static void test_edits_of_environments(void **state)
{
	const struct env_var before[] = {{.name = STR("a"), .value = STR("1")}, {.name = STR("b"), .value_from = true}};
	const struct container containers[] = {{.env = before, .env_count = 2, .has_env = true}, {.index = 1}};
	struct pod pod = {.containers = containers, .container_count = 2};
	struct arena arena;
	struct edit edits[] = {replace(1, -1), replace(0, 1), replace(0, -1), replace(1, -1), replace(0, -1)};
	(void)state;
	edits[3].key = STR("c");
	arena_init(&arena, 4096, 1 << 20);
	assert_int_equal(pod_apply(&pod, edits, 5, &arena), 0);
	assert_int_equal(pod.containers[0].env_count, 4);
	assert_true(str_eq(pod.containers[0].env[0].value, STR("1")));
	for (int i = 1; i < 4; i++)
		assert_true(str_eq(pod.containers[0].env[i].value, STR("void")));
	assert_false(pod.containers[0].env[1].value_from);
	assert_int_equal(pod.containers[1].env_count, 2);
	assert_true(pod.containers[1].has_env);
	assert_true(str_eq(pod.containers[1].env[0].name, STR("NVIDIA_VISIBLE_DEVICES")));
	assert_true(str_eq(pod.containers[1].env[1].name, STR("c")));
	assert_true(before[1].value_from && containers[0].env_count == 2 && containers[1].env_count == 0);
	arena_release(&arena);
}

/* An environment is copied once, and not for each of its edits. */
static void test_memory_in_proportion(void **state)
{
	static struct env_var before[VARIABLES];
	static struct edit edits[VARIABLES];
	const struct container container = {.env = before, .env_count = VARIABLES, .has_env = true};
	struct pod pod = {.containers = &container, .container_count = 1};
	struct arena arena;
	(void)state;
	for (int i = 0; i < VARIABLES; i++)
		edits[i] = replace(0, i);
	arena_init(&arena, 4096, 3 * sizeof before);
	assert_int_equal(pod_apply(&pod, edits, VARIABLES, &arena), 0);
	for (int i = 0; i < VARIABLES; i++)
		assert_true(str_eq(pod.containers[0].env[i].value, STR("void")));
	arena_release(&arena);
}

static void test_without_memory(void **state)
{
	const struct container containers[] = {{.index = 0}, {.index = 1}};
	const struct edit edits[] = {replace(1, -1), replace(0, -1)};
	int done = 0, failed = 0;
	(void)state;
	for (size_t bytes = 8; bytes < 2048; bytes += 8) {
		struct pod pod = {.containers = containers, .container_count = 2};
		struct arena arena;
		arena_init(&arena, 8, bytes);
		*(pod_apply(&pod, edits, 2, &arena) == 0 ? &done : &failed) += 1;
		arena_release(&arena);
	}
	assert_true(done > 0 && failed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_edits_of_environments),
					   cmocka_unit_test(test_memory_in_proportion),
					   cmocka_unit_test(test_without_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
