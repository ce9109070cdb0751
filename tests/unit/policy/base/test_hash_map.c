/* The hash table: growth, equal hashes, and removal while it is walked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpugate/hash_map.h"

#define COUNT 1000

struct item {
	struct hash_link link;
	unsigned number;
	unsigned met;
};

/* Every hash is that of ten numbers. */
static uint64_t hash_of(unsigned number)
{
	return (uint64_t)(number % (COUNT / 10)) * 0x9e3779b97f4a7c15u >> 7;
}

static struct item *find(const struct hash_map *map, unsigned number)
{
	struct hash_link *link = hash_map_chain(map, hash_of(number));
	while (link && !(link->hash == hash_of(number) && ((struct item *)(void *)link)->number == number))
		link = link->next;
	return (struct item *)(void *)link;
}

static struct item *next(const struct hash_map *map, struct item *item)
{
	return (struct item *)(void *)hash_map_next(map, item ? &item->link : NULL);
}

static void test_items(void **state)
{
	static struct item items[COUNT], others[COUNT];
	struct hash_map map;
	unsigned moves = 0;
	(void)state;
	assert_int_equal(hash_map_init(&map, 4), 0);
	assert_null(hash_map_next(&map, NULL));
	for (unsigned i = 0; i < COUNT; i++) {
		assert_null(find(&map, i));
		items[i].number = others[i].number = i;
		moves += hash_map_add(&map, &items[i].link, hash_of(i));
		assert_true(map.count == i + 1 && map.count <= map.mask + 1 && find(&map, i) == &items[i]);
	}
	assert_true(moves == 8 && map.mask == 1023);
	for (struct item *item = next(&map, NULL), *after; item; item = after) {
		after = next(&map, item);
		item->met++;
		if (item->number % 3 == 0)
			hash_map_remove(&map, &item->link);
		else if (item->number % 3 == 1)
			hash_map_replace(&map, &item->link, &others[item->number].link);
	}
	assert_int_equal(map.count, COUNT - (COUNT + 2) / 3);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(items[i].met, 1);
		assert_ptr_equal(find(&map, i), i % 3 == 0 ? NULL : i % 3 == 1 ? &others[i] : &items[i]);
	}
	unsigned count = 0;
	for (struct item *item = next(&map, NULL); item; item = next(&map, item))
		count++;
	assert_int_equal(count, map.count);
	hash_map_release(&map);
}

static void test_empty(void **state)
{
	struct hash_map map = {0};
	(void)state;
	assert_null(hash_map_chain(&map, 7));
	assert_null(hash_map_next(&map, NULL));
	hash_map_release(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_items), cmocka_unit_test(test_empty)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
