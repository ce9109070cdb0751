#include "policy/base/index.h"

#include "policy/base/glob.h"

#define LITERAL_MAX 63

static uint64_t hash_key(struct str key, struct str more)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, key.ptr, key.len);
	if (str_present(more))
		hash = hash_bytes(hash_byte(hash, 0xff), more.ptr, more.len);
	return hash ^ (hash >> 29);
}

int index_init(struct index *index, uint32_t size, struct arena *arena)
{
	uint32_t slots = 8;
	while (slots < size && slots < UINT32_C(1) << 30)
		slots *= 2;
	*index = (struct index){.size = size, .mask = slots - 1};
	index->entries = arena_zalloc(arena, size ? size : 1, sizeof *index->entries);
	index->slots = arena_alloc(arena, (size_t)slots * sizeof *index->slots);
	if (!index->entries || !index->slots)
		return -1;
	memset(index->slots, 0xff, (size_t)slots * sizeof *index->slots);
	return 0;
}

void index_add(struct index *index, struct str key, struct str more, uint32_t id)
{
	if (index->count == index->size)
		return;
	struct index_entry *entry = &index->entries[index->count];
	*entry = (struct index_entry){.key = key, .more = more, .hash = hash_key(key, more), .id = id};
	uint32_t *slot = &index->slots[entry->hash & index->mask];
	entry->next = *slot;
	*slot = index->count++;
}

static const struct index_entry *search(const struct index *index, uint32_t at, uint64_t hash, struct str key,
					struct str more)
{
	for (; at != INDEX_NONE; at = index->entries[at].next) {
		const struct index_entry *entry = &index->entries[at];
		if (entry->hash == hash && str_eq(entry->key, key) && str_present(entry->more) == str_present(more) &&
		    str_eq(entry->more, more))
			return entry;
	}
	return NULL;
}

const struct index_entry *index_find(const struct index *index, struct str key, struct str more)
{
	if (index->count == 0)
		return NULL;
	uint64_t hash = hash_key(key, more);
	return search(index, index->slots[hash & index->mask], hash, key, more);
}

const struct index_entry *index_next(const struct index *index, const struct index_entry *entry)
{
	return search(index, entry->next, entry->hash, entry->key, entry->more);
}

uint32_t index_id(const struct index *index, struct str key)
{
	const struct index_entry *entry = index_find(index, key, (struct str){NULL, 0});
	return entry ? entry->id : INDEX_NONE;
}

int glob_index_init(struct glob_index *index, uint32_t size, struct arena *arena)
{
	*index = (struct glob_index){0};
	index->globs = arena_zalloc(arena, size ? size : 1, sizeof *index->globs);
	if (!index->globs || index_init(&index->exact, size, arena) < 0 ||
	    index_init(&index->prefixes, size, arena) < 0)
		return -1;
	return 0;
}

void glob_index_add(struct glob_index *index, struct str pattern, uint32_t id)
{
	struct str none = {NULL, 0};
	if (glob_is_exact(pattern)) {
		index_add(&index->exact, pattern, none, id);
		return;
	}
	size_t literal = glob_literal(pattern);
	if (literal > LITERAL_MAX)
		literal = LITERAL_MAX;
	index->globs[index->glob_count] = (struct glob_entry){pattern, id};
	index_add(&index->prefixes, (struct str){pattern.ptr, literal}, none, index->glob_count++);
	index->lengths |= UINT64_C(1) << literal;
}

void glob_index_match(const struct glob_index *index, struct str text, glob_found_fn *found, void *context)
{
	struct str none = {NULL, 0};
	for (const struct index_entry *e = index_find(&index->exact, text, none); e; e = index_next(&index->exact, e))
		found(context, e->key, e->id);
	for (uint64_t lengths = index->lengths; lengths; lengths &= lengths - 1) {
		size_t literal = (size_t)__builtin_ctzll(lengths);
		if (literal > text.len)
			return;
		const struct index_entry *e = index_find(&index->prefixes, (struct str){text.ptr, literal}, none);
		for (; e; e = index_next(&index->prefixes, e))
			if (glob_match(index->globs[e->id].pattern, text))
				found(context, index->globs[e->id].pattern, index->globs[e->id].id);
	}
}
