/*
 * replay_memory: texts that a replay remembers by a key until it needs them, in bounded memory. The
 * oldest are forgotten first.
 */
#ifndef WEBHOOK_SIMULATE_REPLAY_MEMORY_H
#define WEBHOOK_SIMULATE_REPLAY_MEMORY_H

#include "gpugate/hash_map.h"
#include "gpugate/str.h"

struct replay_memory {
	struct hash_map map;
	struct remembered *oldest, *newest;
	size_t bytes, bytes_max;
};

struct remembered {
	struct hash_link link; /* First: the map refers to it. */
	struct remembered *older, *newer;
	size_t bytes;
	struct str key, text; /* REVIEW_PADDING readable bytes follow the text. */
	const char *file;     /* For the owner, as are the members below; zeroed at first. */
	uint64_t line;
	int64_t until_ms;
	uint32_t waiting;
	bool patched;
	bool as_recorded[3]; /* By each side of a replay. */
	char content[];
};

/* Initializes an empty memory. Returns 0, or -1 without memory. */
int replay_memory_init(struct replay_memory *memory, size_t bytes_max);
void replay_memory_release(struct replay_memory *memory); /* Takes a zeroed one, too. */

/* Returns what has this key, borrowed until it is dropped; NULL: nothing. */
struct remembered *replay_memory_find(const struct replay_memory *memory, struct str key);

/* Whether something must be forgotten before a text of that length fits. */
bool replay_memory_is_full(const struct replay_memory *memory, struct str key, struct str text);

/*
 * Remembers copies of both strings, in place of what has the same key, and forgets the oldest if
 * there is no room. Returns it, borrowed; NULL without memory, or if it is larger than the maximum.
 */
struct remembered *replay_memory_put(struct replay_memory *memory, struct str key, struct str text);

void replay_memory_drop(struct replay_memory *memory, struct remembered *remembered);

#endif
