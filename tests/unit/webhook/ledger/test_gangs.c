/* test_gangs: tests the groups of entries against a model, and their end with the last entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "webhook/ledger/gangs.h"

#define ENTRIES 60
#define STEPS 20000

static const char *const namespaces[] = {"a", "b", ""}, *const keys[] = {"g", "h", "ab", "b"};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct entry *make(uint32_t *seed)
{
	char uid[16];
	snprintf(uid, sizeof uid, "u%u", next_random(seed));
	const struct consumer consumer = {.uid = str_of(uid),
					  .namespace = str_of(namespaces[next_random(seed) % 3]),
					  .group = str_of(keys[next_random(seed) % 4]),
					  .reserved_seconds = next_random(seed) % 4 == 0};
	struct entry *entry = entry_make(&consumer, NULL);
	assert_non_null(entry);
	return entry;
}

/* Compares one group with the entries that are meant to be in it. */
static void check_group(const struct hash_map *groups, struct entry *const *entries, const bool *joined,
			struct str namespace, struct str key)
{
	const struct gang_group *group = gangs_find(groups, namespace, key);
	uint32_t pods = 0, all = 0, listed = 0;
	for (int i = 0; i < ENTRIES; i++) {
		const struct consumer *consumer = &entries[i]->consumer;
		if (!joined[i] || !str_eq(consumer->namespace, namespace) || !str_eq(consumer->group, key))
			continue;
		assert_ptr_equal(entries[i]->gang, group);
		all++;
		pods += !consumer->reserved_seconds;
	}
	for (const struct entry *entry = group ? group->first : NULL; entry; entry = entry->gang_next, listed++)
		assert_ptr_equal(*entry->gang_link, entry);
	assert_int_equal(listed, all);
	assert_int_equal(group != NULL, all > 0);
	assert_int_equal(group ? group->pods : 0, pods);
}

static void test_model(void **state)
{
	struct hash_map groups;
	struct entry *entries[ENTRIES];
	bool joined[ENTRIES] = {false};
	uint32_t seed = 1;
	(void)state;
	assert_int_equal(gangs_init(&groups), 0);
	for (int i = 0; i < ENTRIES; i++)
		entries[i] = make(&seed);
	for (int step = 0; step < STEPS; step++) {
		uint32_t i = next_random(&seed) % ENTRIES, what = next_random(&seed) % 3;
		if (what == 0) {
			assert_int_equal(gangs_join(&groups, entries[i]), 0);
			joined[i] = true;
		} else if (what == 1) {
			gangs_leave(&groups, entries[i]);
			joined[i] = false;
		} else {
			/* It stays if the new one is of the same group. */
			struct entry *fresh = make(&seed);
			joined[i] &= str_eq(fresh->consumer.namespace, entries[i]->consumer.namespace) &&
				     str_eq(fresh->consumer.group, entries[i]->consumer.group);
			gangs_replace(&groups, entries[i], fresh);
			assert_null(entries[i]->gang);
			entry_free(entries[i]);
			entries[i] = fresh;
		}
		check_group(&groups, entries, joined, entries[i]->consumer.namespace, entries[i]->consumer.group);
	}
	for (int i = 0; i < ENTRIES / 2; i++) {
		gangs_leave(&groups, entries[i]);
		joined[i] = false;
		for (size_t n = 0; n < 3; n++)
			for (size_t k = 0; k < 4; k++)
				check_group(&groups, entries, joined, str_of(namespaces[n]), str_of(keys[k]));
	}
	/* The others are still in their groups, which are freed with the map. */
	gangs_release(&groups);
	for (int i = 0; i < ENTRIES; i++)
		entry_free(entries[i]);
}

/* Tenants choose the names, and must not know which of them meet in one slot. */
static void test_names_are_hashed_by_a_key(void **state)
{
	struct hash_map groups[2];
	struct entry *entries[2];
	uint64_t hashes[2];
	(void)state;
	const struct consumer consumer = {.uid = STR("u"), .namespace = STR("a"), .group = STR("g")};
	for (int i = 0; i < 2; i++) {
		entries[i] = entry_make(&consumer, NULL);
		assert_int_equal(gangs_init(&groups[i]), 0);
		assert_int_equal(gangs_join(&groups[i], entries[i]), 0);
		hashes[i] = entries[i]->gang->in_map.hash;
	}
	assert_true(hashes[0] != hashes[1]);
	for (int i = 0; i < 2; i++) {
		gangs_release(&groups[i]);
		entry_free(entries[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model),
					   cmocka_unit_test(test_names_are_hashed_by_a_key)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
