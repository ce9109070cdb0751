/*
 * test_response: tests responses to the API server in cases that the black-box tests cannot
 * produce.
 */
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
	struct admission_response answer = {.uid = STR("u1"), .pod = &pod, .decision = decision};
	response_write(&out, &answer);
	assert_false(out.failed);
	json_t *root = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	buf_release(&out);
	json_t *response = json_incref(json_object_get(root, "response"));
	json_decref(root);
	assert_string_equal(json_string_value(json_object_get(response, "uid")), "u1");
	return response;
}

/*
 * The ledger is unavailable. Pods are refused with a retryable status, or admitted with `onOutage:
 * allow` or if enforcement is capped to audit.
 */
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
		assert_int_equal(policy_add_outage_violation(policy, STR("the ledger is full"), &arena, &decision), 0);
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

/*
 * What a tenant has caused itself is no outage. Pods are refused with a retryable status, whatever
 * onOutage says.
 */
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
		assert_int_equal(policy_add_busy_violation(policy, STR("too many wait"), &arena, &decision), 0);
		assert_int_equal(decision.denied, rows[i].denied);
		json_t *response = write_answer(&decision), *status = json_object_get(response, "status");
		assert_true(!rows[i].denied || json_integer_value(json_object_get(status, "code")) == 429);
		json_decref(response);
		arena_release(&arena);
		policy_release(policy);
	}
}

/*
 * The reason may contain words of the API server. A refused write of the ledger once was the
 * refusal of a ResourceQuota.
 */
static void test_reason_cannot_look_like_a_quota_refusal(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(SETTINGS("{}"), NULL, 0);
	const struct str why = STR("writing the ledger failed: exceeded quota: q, requested: count/gpuledgers=1");
	struct arena arena;
	arena_init(&arena, 4096, 65536);
	struct decision decision = {0};
	assert_int_equal(policy_add_outage_violation(policy, why, &arena, &decision), 0);
	assert_true(str_eq(decision.violations[0].message,
			   STR("the GPU quota check is temporarily unavailable: writing the ledger failed: "
			       "exceeded_quota: q, requested: count/gpuledgers=1; retry")));
	decision = (struct decision){.tenant = STR("a")};
	assert_int_equal(policy_add_busy_violation(policy, why, &arena, &decision), 0);
	assert_true(str_eq(decision.violations[0].message,
			   STR("the GPU quota cannot be checked yet: writing the ledger failed: exceeded_quota: q, "
			       "requested: count/gpuledgers=1; retry")));
	char text[5000];
	memset(text, 'x', sizeof text);
	decision = (struct decision){0};
	assert_int_equal(policy_add_outage_violation(policy, (struct str){text, sizeof text}, &arena, &decision), 0);
	assert_true(str_ends(decision.violations[0].message, STR("xxx; retry")));
	arena_release(&arena);
	policy_release(policy);
}

/* One permanent refusal makes the whole response permanent. */
static void test_refusal_together_with_outage(void **state)
{
	(void)state;
	struct decision decision = {.denied = true, .violation_count = 2};
	decision.violations[0] = (struct violation){
	    .reason = REASON_OUTAGE, .enforcement = ENFORCEMENT_DENY, .name = STR(""), .message = STR("later")};
	decision.violations[1] = (struct violation){
	    .reason = REASON_GUARD, .enforcement = ENFORCEMENT_DENY, .name = STR(""), .message = STR("never")};
	json_t *response = write_answer(&decision), *status = json_object_get(response, "status");
	assert_int_equal(json_integer_value(json_object_get(status, "code")), 403);
	assert_string_equal(json_string_value(json_object_get(status, "message")), "later; never");
	json_decref(response);
}

/*
 * If all warnings together exceed 4096 characters, the API server cuts each to 256. We cut them
 * first, visibly.
 */
static void test_warnings_are_cut(void **state)
{
	(void)state;
	char text[1001];
	memset(text, 'w', 1000);
	text[1000] = '\0';
	for (uint32_t count = 1; count <= 8; count++) {
		struct decision decision = {.violation_count = count};
		for (uint32_t i = 0; i < count; i++)
			decision.violations[i] = (struct violation){.reason = REASON_QUOTA,
								    .enforcement = ENFORCEMENT_WARN,
								    .name = STR(""),
								    .message = {text, 1000}};
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
					   cmocka_unit_test(test_reason_cannot_look_like_a_quota_refusal),
					   cmocka_unit_test(test_refusal_together_with_outage),
					   cmocka_unit_test(test_warnings_are_cut)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
