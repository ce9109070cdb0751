/* test_given_claims: tests that no caller can add more claims than a Pod may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gpugate/arena.h"
#include "policy/evaluate/given_claims.h"

/* Reads a Pod with one container, which lists the claims gpugate-0 to gpugate-<count - 1>. */
static struct given_claims *read_listed(struct arena *arena, uint32_t count)
{
	struct pod_claim *claims = arena_zalloc(arena, count, sizeof *claims);
	static struct container container;
	struct pod *pod = arena_zalloc(arena, 1, sizeof *pod);
	assert_non_null(claims);
	assert_non_null(pod);
	for (uint32_t n = 0; n < count; n++) {
		claims[n].name = given_claims_name(arena, n);
		assert_true(str_present(claims[n].name));
	}
	pod->claims = claims;
	pod->claim_count = count;
	pod->containers = &container;
	pod->container_count = 1;
	struct given_claims *given = given_claims_read(pod, arena);
	assert_non_null(given);
	assert_int_equal(given->count, count < GIVEN_NAMES_MAX ? count : GIVEN_NAMES_MAX);
	return given;
}

static void test_adds_up_to_the_limit(void **state)
{
	(void)state;
	static const uint32_t listed[] = {0, 1, 63, 64, 65, 127, 128, 200};
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		struct arena arena;
		arena_init(&arena, 65536, 1 << 20);
		struct given_claims *given = read_listed(&arena, listed[i]);
		uint32_t before = given->count, added = 0;
		for (uint32_t n = 0; n < 3 * GIVEN_CLAIMS_MAX; n++) {
			uint32_t number = given_claims_add(given, STR("t"));
			if (number == GIVEN_NONE)
				continue;
			assert_int_equal(number, listed[i] + added);
			given_claims_use(given, 0, number);
			added++;
		}
		assert_int_equal(added, before < GIVEN_CLAIMS_MAX ? GIVEN_CLAIMS_MAX - before : 0);
		assert_int_equal(given->count, before + added);
		assert_int_equal(given->use_count, added);
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_adds_up_to_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
