/* Arrays that grow by doubling, on the heap and in an arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpugate/vec.h"

static void test_heap(void **state)
{
	size_t size = 0;
	int *items = NULL;
	(void)state;
	for (int i = 0; i < 100; i++) {
		int *room = vec_room(items, (size_t)i, &size, 3, sizeof *items);
		assert_non_null(room);
		items = room;
		items[i] = i;
		assert_int_equal(size, i < 3    ? 3
				       : i < 6  ? 6
				       : i < 12 ? 12
				       : i < 24 ? 24
				       : i < 48 ? 48
				       : i < 96 ? 96
						: 192);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(items[i], i);
	size = SIZE_MAX / 2; /* of which the bytes are too many */
	assert_null(vec_room(items, size, &size, 3, sizeof *items));
	assert_int_equal(size, SIZE_MAX / 2);
	size = SIZE_MAX / 2 + 1; /* which cannot be doubled */
	assert_null(vec_room(items, size, &size, 3, 1));
	assert_int_equal(size, SIZE_MAX / 2 + 1);
	assert_int_equal(items[99], 99);
	free(items);
}

static void test_arena(void **state)
{
	struct arena arena;
	uint32_t size = 0;
	int *items = NULL, *first = NULL;
	(void)state;
	arena_init(&arena, 256, 2048);
	for (int i = 0; i < 48; i++) {
		int *room = vec_room_in(&arena, items, (uint32_t)i, &size, 3, sizeof *items);
		assert_non_null(room);
		assert_true(i == 0 || (room == items) == (i != 3 && i != 6 && i != 12 && i != 24));
		items = room;
		items[i] = i;
		first = i == 2 ? items : first;
	}
	for (int i = 0; i < 48; i++)
		assert_int_equal(items[i], i);
	assert_true(first != items && first[2] == 2);
	assert_int_equal(size, 48);
	size = 1024;
	/* The arena is too small. */
	assert_null(vec_room_in(&arena, items, size, &size, 3, sizeof *items));
	assert_int_equal(size, 1024);
	size = UINT32_MAX;
	assert_null(vec_room_in(&arena, items, size, &size, 3, 1));
	size = UINT32_MAX / 2;
	assert_null(vec_room_in(&arena, items, size, &size, 3, SIZE_MAX / 4));
	assert_int_equal(items[47], 47);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_heap), cmocka_unit_test(test_arena)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
