/*
 * test_plan: tests when a replica writes and deletes gpuquotas objects: alone, with other replicas
 * that have its policy, and with another policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "webhook/quota/plan.h"

#define OURS 1
#define THEIRS 2
#define START 100000

static struct quota_plan_now at(int64_t now_ms, uint64_t pod_version)
{
	return (struct quota_plan_now){.now_ms = now_ms, .pod_version = pod_version, .policy = OURS};
}

static enum quota_step step(struct quota_plan *plan, struct quota_plan_now now)
{
	enum quota_step next = quota_plan_step(plan, &now);
	if (next != QUOTA_REST)
		quota_plan_begun(plan, next, &now);
	return next;
}

static void see(struct quota_plan *plan, uint64_t version, uint64_t pod_version, uint64_t content, uint64_t policy,
		int64_t now_ms)
{
	plan->busy = false;
	quota_plan_seen(plan, &(struct quota_seen){version, pod_version, content, policy}, now_ms);
}

/*
 * Returns a plan for a row that a replica with `policy` published with content 1 at START. The
 * wanted content is 2.
 */
static struct quota_plan differing(uint64_t policy)
{
	struct quota_plan plan = {0};
	see(&plan, 10, 50, 1, policy, START);
	quota_plan_want(&plan, true, 2, START);
	return plan;
}

static void test_what_is_missing_is_written(void **state)
{
	struct quota_plan plan = {0};
	(void)state;
	quota_plan_want(&plan, true, 7, START);
	assert_int_equal(step(&plan, at(START, 50)), QUOTA_WRITE);
	/* In flight. */
	assert_int_equal(step(&plan, at(START + 5000, 50)), QUOTA_REST);
	see(&plan, 10, 50, 7, OURS, START + 5000);
	/* It has been written. */
	assert_int_equal(step(&plan, at(START + 900000, 60)), QUOTA_REST);
}

static void test_a_second_and_jitter_between_writes(void **state)
{
	struct quota_plan plan = differing(OURS);
	struct quota_plan_now now = at(START + 1, 51);
	(void)state;
	now.jitter_ms = 300;
	assert_int_equal(step(&plan, now), QUOTA_REST);
	assert_int_equal(step(&plan, at(START + PLAN_REST_MS + 299, 51)), QUOTA_REST);
	assert_int_equal(step(&plan, at(START + PLAN_REST_MS + 300, 51)), QUOTA_WRITE);
}

static void test_the_first_write_spares_the_others(void **state)
{
	struct quota_plan plan = differing(OURS);
	(void)state;
	assert_int_equal(step(&plan, at(START + 1, 51)), QUOTA_REST);
	see(&plan, 11, 51, 2, OURS, START + 500);
	assert_int_equal(step(&plan, at(START + 5000, 51)), QUOTA_REST);
	/* Another replica is ahead: the second starts again. */
	see(&plan, 12, 52, 3, OURS, START + 6000);
	assert_int_equal(step(&plan, at(START + 6001, 53)), QUOTA_REST);
	assert_int_equal(step(&plan, at(START + 7000, 53)), QUOTA_WRITE);
}

static void test_an_older_view_writes_nothing(void **state)
{
	struct quota_plan plan = differing(OURS);
	(void)state;
	assert_int_equal(step(&plan, at(START + 10 * PLAN_STABLE_MS, 49)), QUOTA_REST);
	assert_int_equal(step(&plan, at(START + 10 * PLAN_STABLE_MS, 50)), QUOTA_WRITE);
}

static void test_an_older_object_is_passed_over(void **state)
{
	struct quota_plan plan = differing(OURS);
	(void)state;
	see(&plan, 9, 49, 2, OURS, START);
	assert_int_equal(plan.content, 1);
	/* The storage was restored: now the older version counts. */
	quota_plan_listing(&plan);
	see(&plan, 9, 49, 2, OURS, START);
	assert_int_equal(plan.content, 2);
}

static void test_numbers_of_another_policy_are_left_while_they_move(void **state)
{
	struct quota_plan plan = differing(THEIRS);
	int64_t now_ms = START;
	(void)state;
	for (uint64_t i = 1; i < 20; i++) {
		now_ms += PLAN_STABLE_MS - 1;
		assert_int_equal(step(&plan, at(now_ms, 100)), QUOTA_REST);
		see(&plan, 10 + i, 50 + i, 1, THEIRS, now_ms);
	}
	assert_int_equal(step(&plan, at(now_ms + PLAN_STABLE_MS, 100)), QUOTA_WRITE);
}

static void test_numbers_of_the_policy_before_are_replaced_at_once(void **state)
{
	struct quota_plan plan = differing(THEIRS);
	struct quota_plan_now now = at(START + PLAN_REST_MS, 51);
	(void)state;
	now.former[PLAN_FORMER_MAX - 1] = THEIRS;
	assert_int_equal(step(&plan, now), QUOTA_WRITE);
	/*
	 * But only once a minute, because the replica that writes them may have returned to that
	 * policy.
	 */
	see(&plan, 11, 52, 1, THEIRS, now.now_ms + 100);
	now.now_ms += PLAN_STABLE_MS - 1;
	now.pod_version = 60;
	assert_int_equal(step(&plan, now), QUOTA_REST);
	now.now_ms += 1;
	assert_int_equal(step(&plan, now), QUOTA_WRITE);
}

static void test_own_numbers_are_replaced_at_every_reload(void **state)
{
	struct quota_plan plan = differing(THEIRS);
	struct quota_plan_now now = at(START + PLAN_REST_MS, 51);
	(void)state;
	for (uint64_t i = 1; i < 10; i++) {
		now.former[i % PLAN_FORMER_MAX] = i == 1 ? THEIRS : now.policy;
		now.policy = 100 + i;
		quota_plan_want(&plan, true, 100 + i, now.now_ms);
		/* Records when the difference appeared. */
		step(&plan, now);
		now.now_ms += PLAN_REST_MS;
		if (!plan.busy)
			assert_int_equal(step(&plan, now), QUOTA_WRITE);
		see(&plan, 10 + i, 51, 100 + i, 100 + i, now.now_ms);
		/* An older version must be ignored. */
		quota_plan_written(&plan, 9 + i);
		assert_false(plan.own);
		quota_plan_written(&plan, 10 + i);
	}
}

/* Two replicas with two policies, one of which was reloaded, and Pods that change all the time. */
static void test_two_policies_do_not_fight(void **state)
{
	struct quota_plan plans[2] = {{0}};
	/* Each considers the other's policy outdated. */
	const uint64_t policies[2] = {OURS, THEIRS}, former[2] = {THEIRS, OURS};
	unsigned writes = 0, taken = 0;
	uint32_t seed = 1;
	(void)state;
	/* Ten minutes. */
	for (uint64_t tick = 0; tick < 2400; tick++) {
		for (int i = 0; i < 2; i++) {
			seed = seed * 1664525u + 1013904223u;
			struct quota_plan_now now = {.now_ms = START + (int64_t)tick * 250 + i * 100,
						     .jitter_ms = seed % PLAN_JITTER_MS,
						     .pod_version = 100 + tick,
						     .policy = policies[i],
						     .former = {former[i]}};
			quota_plan_want(&plans[i], true, tick * 2 + (uint64_t)i, now.now_ms);
			bool others = plans[i].published && plans[i].policy != policies[i];
			if (step(&plans[i], now) != QUOTA_WRITE)
				continue;
			writes++;
			taken += others;
			for (int k = 0; k < 2; k++)
				see(&plans[k], tick * 2 + (uint64_t)i + 1, now.pod_version, plans[i].wanted_content,
				    policies[i], now.now_ms);
		}
	}
	/* Users see updates all the time. */
	assert_in_range(writes, 300, 600);
	/* Each takes over at most once a minute. */
	assert_in_range(taken, 1, 20);
}

static void test_what_is_unknown_is_deleted_when_it_stands_still(void **state)
{
	struct quota_plan plan = {0};
	(void)state;
	see(&plan, 10, 50, 1, THEIRS, START);
	quota_plan_want(&plan, false, 0, START + 1000);
	assert_int_equal(step(&plan, at(START + PLAN_STABLE_MS, 60)), QUOTA_REST);
	/* Another replica knows the quota. */
	see(&plan, 11, 51, 1, THEIRS, START + PLAN_STABLE_MS);
	quota_plan_want(&plan, false, 0, START + PLAN_STABLE_MS);
	assert_int_equal(step(&plan, at(START + 2 * PLAN_STABLE_MS - 1, 60)), QUOTA_REST);
	assert_int_equal(step(&plan, at(START + 2 * PLAN_STABLE_MS, 60)), QUOTA_DELETE);
	plan.busy = false;
	quota_plan_gone(&plan);
	assert_int_equal(step(&plan, at(START + 900 * PLAN_STABLE_MS, 60)), QUOTA_REST);
}

static void test_what_came_back_is_left_longer_each_time(void **state)
{
	struct quota_plan plan = {0};
	int64_t now_ms = START, waited_ms = 0;
	(void)state;
	quota_plan_want(&plan, false, 0, START);
	for (uint64_t round = 1; round < 12; round++) {
		see(&plan, round, 50, round, THEIRS, now_ms);
		int64_t since_ms = now_ms;
		while (step(&plan, at(now_ms, 60)) != QUOTA_DELETE)
			now_ms += 1000;
		assert_true(now_ms - since_ms >= waited_ms);
		waited_ms = now_ms - since_ms;
		plan.busy = false;
		quota_plan_gone(&plan);
	}
	assert_int_equal(waited_ms, PLAN_STABLE_MAX_MS);
}

static void test_what_the_policy_regains_is_not_deleted(void **state)
{
	struct quota_plan plan = {0};
	(void)state;
	see(&plan, 10, 50, 1, OURS, START);
	quota_plan_want(&plan, false, 0, START);
	quota_plan_want(&plan, true, 1, START + 50000);
	assert_int_equal(step(&plan, at(START + 90000, 60)), QUOTA_REST);
	/* The minute starts again. */
	quota_plan_want(&plan, false, 0, START + 100000);
	assert_int_equal(step(&plan, at(START + 110000, 60)), QUOTA_REST);
	assert_int_equal(step(&plan, at(START + 160000, 60)), QUOTA_DELETE);
}

/*
 * A replica that looks only when the plan says so acts like one that looks all the time, and at the
 * same times.
 */
static void test_when_to_look_again(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed < 3000; seed++) {
		struct quota_plan often = {0};
		struct quota_plan_now now = at(START, 50 + seed % 3);
		uint64_t policy = seed & 4 ? OURS : THEIRS;
		if (seed & 8)
			now.former[0] = THEIRS;
		if (seed & 16)
			see(&often, 10, 51, 1, policy, START);
		often.own = seed & 32;
		often.taken_ms = seed & 64 ? START - 1000 : 0;
		often.stable_ms = seed & 128 ? 2 * PLAN_STABLE_MS : 0;
		quota_plan_want(&often, seed & 256, 1 + seed / 512, START);
		struct quota_plan told = often;
		int64_t often_ms = 0, told_ms = 0, end_ms = START + 4 * PLAN_STABLE_MS;
		for (; !often_ms && now.now_ms < end_ms; now.now_ms += 10)
			if (quota_plan_step(&often, &now) != QUOTA_REST)
				often_ms = now.now_ms;
		for (now.now_ms = START; !told_ms && now.now_ms < end_ms; now.now_ms = told.look_ms) {
			if (quota_plan_step(&told, &now) != QUOTA_REST)
				told_ms = now.now_ms;
			else if (!told.look_ms)
				break;
			else
				assert_true(told.look_ms > now.now_ms);
		}
		assert_in_range(often_ms - told_ms, 0, 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_missing_is_written),
	    cmocka_unit_test(test_a_second_and_jitter_between_writes),
	    cmocka_unit_test(test_the_first_write_spares_the_others),
	    cmocka_unit_test(test_an_older_view_writes_nothing),
	    cmocka_unit_test(test_an_older_object_is_passed_over),
	    cmocka_unit_test(test_numbers_of_another_policy_are_left_while_they_move),
	    cmocka_unit_test(test_numbers_of_the_policy_before_are_replaced_at_once),
	    cmocka_unit_test(test_own_numbers_are_replaced_at_every_reload),
	    cmocka_unit_test(test_two_policies_do_not_fight),
	    cmocka_unit_test(test_what_is_unknown_is_deleted_when_it_stands_still),
	    cmocka_unit_test(test_what_came_back_is_left_longer_each_time),
	    cmocka_unit_test(test_what_the_policy_regains_is_not_deleted),
	    cmocka_unit_test(test_when_to_look_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
