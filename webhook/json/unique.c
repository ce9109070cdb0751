#include "webhook/json/unique.h"

#include <stdlib.h>

#define PAIRWISE_MAX 16 /* Maps with at most this many entries are compared pairwise. */

struct hashed_key {
	uint64_t hash;
	struct str key;
};

static int given_twice(struct reader *reader, struct str key)
{
	scan_fail(&reader->scan, reader->scan.at, "the key is given twice");
	reader_at_entry(reader, key);
	return -1;
}

/* Colliding hashes cost no more than the comparisons of a plain sort. */
static int by_hash_then_bytes(const void *a, const void *b)
{
	const struct hashed_key *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return str_cmp(x->key, y->key);
}

static int check_sorted(struct reader *reader, const struct pair *items, uint32_t count)
{
	struct hashed_key *keys = arena_alloc(reader->arena, (size_t)count * sizeof *keys);
	if (!keys)
		return reader_no_memory(reader);
	for (uint32_t i = 0; i < count; i++)
		keys[i] = (struct hashed_key){str_hash(items[i].key), items[i].key};
	qsort(keys, count, sizeof *keys, by_hash_then_bytes);
	for (uint32_t i = 1; i < count; i++)
		if (keys[i - 1].hash == keys[i].hash && str_eq(keys[i - 1].key, keys[i].key))
			return given_twice(reader, keys[i].key);
	return 0;
}

int pairs_check_unique(struct reader *reader, const struct pair *items, uint32_t count)
{
	if (count > PAIRWISE_MAX)
		return check_sorted(reader, items, count);
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (str_eq(items[i].key, items[j].key))
				return given_twice(reader, items[i].key);
	return 0;
}
