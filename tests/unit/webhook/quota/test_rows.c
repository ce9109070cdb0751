/*
 * test_rows: tests the rows of published quotas: lookup by name, limits, and when and how often
 * they are visited.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "webhook/quota/rows.h"

#define ROWS 500
#define START 1000000

static struct publish_rows rows;

static int set_up(void **state)
{
	(void)state;
	return publish_rows_init(&rows, START);
}

static int tear_down(void **state)
{
	(void)state;
	publish_rows_release(&rows);
	return 0;
}

static struct publish_row *find(unsigned i, uint32_t most)
{
	char name[32];
	snprintf(name, sizeof name, "t%03u.q", i);
	return publish_rows_find(&rows, name, most, &rows);
}

static void test_rows_are_found_again(void **state)
{
	struct publish_row *made[ROWS];
	(void)state;
	for (unsigned i = 0; i < ROWS; i++) {
		assert_null(find(i, 0));
		made[i] = find(i, PUBLISH_ROWS_MAX);
		assert_non_null(made[i]);
		assert_ptr_equal(made[i]->context, &rows);
	}
	for (unsigned i = 0; i < ROWS; i += 2)
		publish_rows_drop(&rows, made[i]);
	assert_int_equal(rows.map.count, ROWS / 2);
	for (unsigned i = 0; i < ROWS; i++)
		assert_ptr_equal(find(i, 0), i % 2 ? made[i] : NULL);
}

static void test_rows_are_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(find(i, 100) != NULL, i < 100);
	assert_int_equal(rows.map.count, 100);
	assert_non_null(find(200, 101));
}

/* --- Queues --- */

static void assert_next(enum publish_rank rank, struct publish_row *expected)
{
	assert_ptr_equal(publish_rows_take(&rows, rank), expected);
}

static void test_what_has_changed_comes_first(void **state)
{
	struct publish_row *a = find(0, 9), *b = find(1, 9), *c = find(2, 9);
	(void)state;
	assert_true(publish_rows_idle(&rows));
	publish_rows_queue(&rows, a, PUBLISH_COMPARED);
	publish_rows_queue(&rows, b, PUBLISH_COMPARED);
	publish_rows_queue(&rows, c, PUBLISH_CHANGED);
	/* Now it has changed, too. */
	publish_rows_queue(&rows, b, PUBLISH_CHANGED);
	/* It keeps its place, however often it changes. */
	publish_rows_queue(&rows, c, PUBLISH_CHANGED);
	/* It also keeps its rank. */
	publish_rows_queue(&rows, b, PUBLISH_COMPARED);
	assert_next(PUBLISH_CHANGED, c);
	/* These have a turn, too. */
	assert_next(PUBLISH_COMPARED, a);
	/* The other rank is used if one is empty. */
	assert_next(PUBLISH_COMPARED, b);
	assert_next(PUBLISH_CHANGED, NULL);
	assert_true(publish_rows_idle(&rows));
}

/* Each row comes at its time or slightly later, never earlier, and none is forgotten. */
static void test_rows_wait(void **state)
{
	int64_t due_ms[ROWS], seen_ms[ROWS] = {0};
	struct publish_row *made[ROWS];
	(void)state;
	for (unsigned i = 0; i < ROWS; i++) {
		made[i] = find(i, ROWS);
		made[i]->quota = i;
		/* Up to four minutes. */
		due_ms[i] = START + (int64_t)i * i;
		publish_rows_wait(&rows, made[i], due_ms[i]);
	}
	for (int64_t now_ms = START; now_ms < START + ROWS * ROWS + 1000; now_ms += 90) {
		publish_rows_pass(&rows, now_ms);
		for (struct publish_row *row; (row = publish_rows_take(&rows, PUBLISH_CHANGED));) {
			if (now_ms < due_ms[row->quota])
				/* After 64 s, they come in any case. */
				publish_rows_wait(&rows, row, due_ms[row->quota]);
			else
				seen_ms[row->quota] = now_ms;
		}
	}
	for (unsigned i = 0; i < ROWS; i++)
		assert_in_range(seen_ms[i] - due_ms[i], 0, 2 * PUBLISH_WAIT_MS + 90);
}

static void test_a_long_sleep(void **state)
{
	struct publish_row *row = find(0, 1);
	(void)state;
	publish_rows_wait(&rows, row, START + 5000);
	publish_rows_pass(&rows, START + 86400000);
	assert_next(PUBLISH_CHANGED, row);
	/* Already past. */
	publish_rows_wait(&rows, row, START);
	publish_rows_pass(&rows, START + 86400000);
	assert_next(PUBLISH_CHANGED, NULL);
	publish_rows_pass(&rows, START + 86400000 + PUBLISH_WAIT_MS);
	assert_next(PUBLISH_CHANGED, row);
}

static void test_what_changes_waits_no_longer(void **state)
{
	struct publish_row *row = find(0, 1);
	(void)state;
	publish_rows_wait(&rows, row, START + 5000);
	publish_rows_queue(&rows, row, PUBLISH_CHANGED);
	assert_next(PUBLISH_CHANGED, row);
	publish_rows_wait(&rows, row, START + 5000);
	publish_rows_drop(&rows, row);
	publish_rows_pass(&rows, START + 9000);
	assert_next(PUBLISH_CHANGED, NULL);
}

/* All rows come, a limited number at a time, even if the table grows meanwhile. */
static void test_all_rows_are_compared(void **state)
{
	unsigned seen = 0, slices = 0;
	(void)state;
	for (unsigned i = 0; i < ROWS / 2; i++)
		find(i, ROWS);
	publish_rows_rescan(&rows);
	assert_true(publish_rows_scan(&rows, 16));
	for (unsigned i = ROWS / 2; i < ROWS; i++)
		find(i, ROWS);
	while (publish_rows_scan(&rows, 16))
		slices++;
	assert_in_range(slices, ROWS / 16 / 2, 1024 / 16 + 1);
	for (struct publish_row *row; (row = publish_rows_take(&rows, PUBLISH_CHANGED)); seen++)
		assert_int_equal(row->rank, PUBLISH_COMPARED);
	assert_int_equal(seen, ROWS);
	assert_false(publish_rows_scan(&rows, 16));
	assert_true(publish_rows_idle(&rows));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_rows_are_found_again),
	    TEST(test_rows_are_bounded),
	    TEST(test_what_has_changed_comes_first),
	    TEST(test_rows_wait),
	    TEST(test_a_long_sleep),
	    TEST(test_what_changes_waits_no_longer),
	    TEST(test_all_rows_are_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
