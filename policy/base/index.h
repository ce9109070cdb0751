/*
 * index: maps a key of one or two strings to a list of ids. It is built once, while a policy is
 * compiled, in the arena of the snapshot, and is then read-only. Keys are borrowed. Stored keys
 * come from the policy, which is trusted, so the hash is not keyed; keys that are looked up may be
 * hostile.
 */
#ifndef POLICY_BASE_INDEX_H
#define POLICY_BASE_INDEX_H

#include <stdint.h>

#include "gpugate/arena.h"
#include "gpugate/str.h"

#define INDEX_NONE UINT32_MAX

struct index_entry {
	struct str key, more; /* `more` is absent if the keys are single strings. */
	uint64_t hash;
	uint32_t id;
	uint32_t next; /* Next entry of the same slot; INDEX_NONE: none. */
};

struct index {
	struct index_entry *entries;
	uint32_t count, size;
	uint32_t *slots; /* Heads of the slots; their number is a power of two. */
	uint32_t mask;
};

/* Makes room for at most `size` entries. Returns 0, or -1 if the arena is exhausted. */
int index_init(struct index *index, uint32_t size, struct arena *arena);

/*
 * Adds an id under a key, which may have several. The caller must not add more than `size` entries.
 */
void index_add(struct index *index, struct str key, struct str more, uint32_t id);

/*
 * index_find returns the first entry with that key, or NULL. index_next returns the next entry with
 * the key of `entry`, or NULL.
 */
const struct index_entry *index_find(const struct index *index, struct str key, struct str more);
const struct index_entry *index_next(const struct index *index, const struct index_entry *entry);

/* Returns the id under a key of one string that has one id, or INDEX_NONE. */
uint32_t index_id(const struct index *index, struct str key);

/*
 * Finds the globs that match a text. Exact patterns need one lookup. The others are indexed by
 * their literal beginning, which needs one lookup for each length that such a beginning has.
 */
struct glob_index {
	struct index exact;
	struct index prefixes; /* By literal beginning; the id is an index into `globs`. */
	struct glob_entry {
		struct str pattern;
		uint32_t id;
	} * globs;
	uint32_t glob_count;
	/*
	 * Bit n is set if some literal beginning has n bytes. Beginnings of more than 63 bytes are
	 * cut.
	 */
	uint64_t lengths;
};

/* These work like index_init and index_add. */
int glob_index_init(struct glob_index *index, uint32_t size, struct arena *arena);
void glob_index_add(struct glob_index *index, struct str pattern, uint32_t id);

/* Calls `found` for each pattern that matches the text, including exact ones. */
typedef void glob_found_fn(void *context, struct str pattern, uint32_t id);
void glob_index_match(const struct glob_index *index, struct str text, glob_found_fn *found, void *context);

#endif
