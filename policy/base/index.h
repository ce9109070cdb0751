/*
 * index: from a key of one or two strings to a list of ids. Built once at compile time in the snapshot's arena, then only
 * read. Keys are borrowed. What is looked up may be hostile; what is stored is the policy's own.
 */
#ifndef POLICY_BASE_INDEX_H
#define POLICY_BASE_INDEX_H

#include <stdint.h>

#include "gpugate/arena.h"
#include "gpugate/str.h"

#define INDEX_NONE UINT32_MAX

struct index_entry {
	struct str key, more; /* `more` is absent in indexes of one string */
	uint64_t hash;
	uint32_t id;
	uint32_t next; /* entry with the same slot; INDEX_NONE ends */
};

struct index {
	struct index_entry *entries;
	uint32_t count, size;
	uint32_t *slots; /* heads, a power of two of them */
	uint32_t mask;
};

/* Makes room for at most `size` entries. Returns -1 when the arena is exhausted. */
int index_init(struct index *index, uint32_t size, struct arena *arena);

/* Adds; several ids under one key are fine. The caller never adds more than `size`. */
void index_add(struct index *index, struct str key, struct str more, uint32_t id);

/* The first entry of that key, or NULL; then the next one of the same key. */
const struct index_entry *index_find(const struct index *index, struct str key, struct str more);
const struct index_entry *index_next(const struct index *index, const struct index_entry *entry);

/* The id under a key that has one, else INDEX_NONE. */
uint32_t index_id(const struct index *index, struct str key);

/*
 * Globs, found by the text they match: exact ones in one look-up, others by their literal beginning, one look-up for each
 * length that such beginnings have.
 */
struct glob_index {
	struct index exact;
	struct index prefixes; /* by literal beginning; the id counts into globs */
	struct glob_entry {
		struct str pattern;
		uint32_t id;
	} * globs;
	uint32_t glob_count;
	uint64_t lengths; /* bit n: some glob has a literal beginning of n bytes; bit 63: 63 or more are cut to 63 */
};

int glob_index_init(struct glob_index *index, uint32_t size, struct arena *arena);
void glob_index_add(struct glob_index *index, struct str pattern, uint32_t id);

/* Calls back for each glob that matches (exact ones included). */
typedef void glob_found_fn(void *context, struct str pattern, uint32_t id);
void glob_index_match(const struct glob_index *index, struct str text, glob_found_fn *found, void *context);

#endif
