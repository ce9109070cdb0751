/* The rows of published quotas: found by name, bounded, and dropped when nothing needs them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "webhook/publish_rows.h"

#define ROWS 500

/* Names in an order that has nothing to do with theirs. */
static const char *name_of(unsigned i, char name[static 32])
{
	snprintf(name, 32, "t%03u.q", i * 211 % ROWS);
	return name;
}

static void test_rows_are_found_again(void **state)
{
	struct publish_rows rows = {0};
	struct publish_row *made[ROWS];
	char name[32];
	(void)state;
	for (unsigned i = 0; i < ROWS; i++) {
		assert_null(publish_rows_find(&rows, name_of(i, name), 0, NULL));
		made[i] = publish_rows_find(&rows, name_of(i, name), PUBLISH_ROWS_MAX, &rows);
		assert_non_null(made[i]);
		assert_ptr_equal(made[i]->context, &rows);
	}
	assert_int_equal(rows.count, ROWS);
	for (unsigned i = 0; i < ROWS; i++) {
		assert_ptr_equal(publish_rows_find(&rows, name_of(i, name), PUBLISH_ROWS_MAX, NULL), made[i]);
		assert_string_equal(made[i]->name, name);
		assert_true(i == 0 || strcmp(rows.items[i - 1]->name, rows.items[i]->name) < 0);
	}
	publish_rows_release(&rows);
}

static void test_rows_are_bounded(void **state)
{
	struct publish_rows rows = {0};
	char name[32];
	(void)state;
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(publish_rows_find(&rows, name_of(i, name), 100, NULL) != NULL, i < 100);
	assert_int_equal(rows.count, 100);
	assert_non_null(publish_rows_find(&rows, name_of(200, name), 101, NULL));
	publish_rows_release(&rows);
}

static void test_what_nothing_needs_is_dropped(void **state)
{
	enum { KNOWN, PUBLISHED, BUSY, RECENT, LONG_GONE, NOTHING, KINDS };
	struct publish_rows rows = {0};
	struct publish_row *made[KINDS];
	char name[32];
	(void)state;
	for (unsigned i = 0; i < KINDS; i++)
		made[i] = publish_rows_find(&rows, name_of(i, name), PUBLISH_ROWS_MAX, NULL);
	made[KNOWN]->known = true;
	made[PUBLISHED]->plan.published = true;
	made[BUSY]->plan.busy = true;
	int64_t now_ms = 3 * (int64_t)PLAN_STILL_MOST_MS;
	made[RECENT]->plan = (struct quota_plan){.still_ms = PLAN_STILL_MS, .unwanted_ms = now_ms - PLAN_STILL_MS};
	made[LONG_GONE]->plan = (struct quota_plan){.still_ms = PLAN_STILL_MS, .unwanted_ms = 1};
	publish_rows_drop(&rows, now_ms);
	assert_int_equal(rows.count, 4);
	for (unsigned i = 0; i < KINDS; i++)
		assert_int_equal(publish_rows_find(&rows, name_of(i, name), 0, NULL) != NULL, i <= RECENT);
	publish_rows_release(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_are_found_again),
	    cmocka_unit_test(test_rows_are_bounded),
	    cmocka_unit_test(test_what_nothing_needs_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
