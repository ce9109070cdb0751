/* Answers: what the API server is told, where the black box cannot be brought to show it. */
#include "tests/unit/policy_fixture.h"

#include <jansson.h>

#include "gpugate/policy_enums.h"
#include "webhook/admission/response.h"

#define SETTINGS(spec) "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\nspec: " spec "\n"

static json_t *write_answer(const struct decision *decision)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	struct pod pod = {0};
	struct answer answer = {.uid = STR("u1"), .pod = &pod, .decision = decision};
	answer_write(&out, &answer);
	assert_false(out.failed);
	json_t *root = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	buf_release(&out);
	json_t *response = json_incref(json_object_get(root, "response"));
	json_decref(root);
	assert_string_equal(json_string_value(json_object_get(response, "uid")), "u1");
	return response;
}

/* The ledger cannot be asked: refused with "come back" under deny, allowed under onOutage: allow or a capping audit. */
static void test_outage(void **state)
{
	(void)state;
	static const struct {
		const char *settings;
		bool denied;
	} rows[] = {
	    {SETTINGS("{}"), true}, {SETTINGS("{onOutage: allow}"), false}, {SETTINGS("{enforcement: audit}"), false}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy *policy = fixture_policy(rows[i].settings, NULL, 0);
		assert_non_null(policy);
		struct arena arena;
		arena_init(&arena, 4096, 1 << 20);
		struct decision decision = {0};
		assert_int_equal(policy_object_outage(policy, STR("the ledger is full"), &arena, &decision), 0);
		assert_int_equal(decision.denied, rows[i].denied);
		json_t *response = write_answer(&decision), *status = json_object_get(response, "status");
		assert_int_equal(json_is_true(json_object_get(response, "allowed")), !rows[i].denied);
		if (rows[i].denied) {
			assert_int_equal(json_integer_value(json_object_get(status, "code")), 429);
			assert_string_equal(json_string_value(json_object_get(status, "reason")), "TooManyRequests");
			assert_true(json_integer_value(
					json_object_get(json_object_get(status, "details"), "retryAfterSeconds")) > 0);
			assert_non_null(
			    strstr(json_string_value(json_object_get(status, "message")), "the ledger is full"));
		} else {
			assert_null(status);
		}
		json_decref(response);
		arena_release(&arena);
		policy_release(policy);
	}
}

/* What the tenant itself has brought about is no outage: it is refused with "come back", whatever onOutage says. */
static void test_busy(void **state)
{
	(void)state;
	static const struct {
		const char *settings;
		bool denied;
	} rows[] = {
	    {SETTINGS("{}"), true}, {SETTINGS("{onOutage: allow}"), true}, {SETTINGS("{enforcement: audit}"), false}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy *policy = fixture_policy(rows[i].settings, NULL, 0);
		struct arena arena;
		arena_init(&arena, 4096, 1 << 20);
		struct decision decision = {0};
		assert_int_equal(policy_object_busy(policy, STR("too many wait"), &arena, &decision), 0);
		assert_int_equal(decision.denied, rows[i].denied);
		json_t *response = write_answer(&decision), *status = json_object_get(response, "status");
		assert_true(!rows[i].denied || json_integer_value(json_object_get(status, "code")) == 429);
		json_decref(response);
		arena_release(&arena);
		policy_release(policy);
	}
}

/* The API server's own words can be in the reason: a refused write of the ledger once was a ResourceQuota's refusal. */
static void test_words_of_what_is_undecided(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(SETTINGS("{}"), NULL, 0);
	const struct str why = STR("writing the ledger failed: exceeded quota: q, requested: count/gpuledgers=1");
	struct arena arena;
	arena_init(&arena, 4096, 65536);
	struct decision decision = {0};
	assert_int_equal(policy_object_outage(policy, why, &arena, &decision), 0);
	assert_true(str_eq(decision.objections[0].message,
			   STR("the GPU quota check is temporarily unavailable: writing the ledger failed: "
			       "exceeded_quota: q, requested: count/gpuledgers=1; retry")));
	decision = (struct decision){.tenant = STR("a")};
	assert_int_equal(policy_object_busy(policy, why, &arena, &decision), 0);
	assert_true(str_eq(decision.objections[0].message,
			   STR("the GPU quota cannot be checked yet: writing the ledger failed: exceeded_quota: q, "
			       "requested: count/gpuledgers=1; retry")));
	char text[5000];
	memset(text, 'x', sizeof text);
	decision = (struct decision){0};
	assert_int_equal(policy_object_outage(policy, (struct str){text, sizeof text}, &arena, &decision), 0);
	assert_true(str_ends(decision.objections[0].message, STR("xxx; retry")));
	arena_release(&arena);
	policy_release(policy);
}

/* One refusal that stays makes the whole answer one that does not pass by waiting. */
static void test_refusal_beside_outage(void **state)
{
	(void)state;
	struct decision decision = {.denied = true, .objection_count = 2};
	decision.objections[0] = (struct objection){REASON_OUTAGE, ENFORCEMENT_DENY, STR(""), STR("later")};
	decision.objections[1] = (struct objection){REASON_GUARD, ENFORCEMENT_DENY, STR(""), STR("never")};
	json_t *response = write_answer(&decision), *status = json_object_get(response, "status");
	assert_int_equal(json_integer_value(json_object_get(status, "code")), 403);
	assert_string_equal(json_string_value(json_object_get(status, "message")), "later; never");
	json_decref(response);
}

/* Over 4096 characters in all the API server cuts each warning to 256: we cut them first, with a sign of it. */
static void test_warnings_are_cut(void **state)
{
	(void)state;
	char text[1001];
	memset(text, 'w', 1000);
	text[1000] = '\0';
	for (uint32_t count = 1; count <= 8; count++) {
		struct decision decision = {.objection_count = count};
		for (uint32_t i = 0; i < count; i++)
			decision.objections[i] =
			    (struct objection){REASON_QUOTA, ENFORCEMENT_WARN, STR(""), {text, 1000}};
		json_t *response = write_answer(&decision), *warnings = json_object_get(response, "warnings");
		assert_int_equal(json_array_size(warnings), count);
		size_t first = strlen(json_string_value(json_array_get(warnings, 0)));
		if (count <= 4)
			assert_int_equal(first, 1000);
		else
			assert_in_range(first, 200, 256);
		json_decref(response);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_outage), cmocka_unit_test(test_busy),
					   cmocka_unit_test(test_words_of_what_is_undecided),
					   cmocka_unit_test(test_refusal_beside_outage),
					   cmocka_unit_test(test_warnings_are_cut)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
