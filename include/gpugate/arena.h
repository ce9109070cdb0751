/*
 * arena: memory that is freed all at once. Each request and each compiled policy has one. Its
 * maximum is set when it is created, so that no input can make it grow without bound. Not
 * thread-safe.
 */
#ifndef GPUGATE_ARENA_H
#define GPUGATE_ARENA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gpugate/str.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* Bytes after this header. */
	size_t used;
	_Alignas(16) char bytes[];
};

struct arena {
	struct arena_chunk *first; /* Kept by arena_reset. */
	struct arena_chunk *last;
	size_t chunk_bytes; /* Size of an ordinary chunk; a larger allocation gets its own. */
	size_t total_bytes; /* Sum of the sizes of all chunks. */
	size_t max_bytes;
	bool exhausted; /* An allocation has failed since the arena was initialized or reset. */
	/* Such an allocation failed because malloc did, not because of `max_bytes`. */
	bool starved;
};

/*
 * Initializes an empty arena, which allocates nothing yet. `max_bytes` bounds the sum of all
 * chunks.
 */
static inline void arena_init(struct arena *arena, size_t chunk_bytes, size_t max_bytes)
{
	*arena = (struct arena){.chunk_bytes = chunk_bytes, .max_bytes = max_bytes};
}

static inline void arena_release(struct arena *arena)
{
	for (struct arena_chunk *chunk = arena->first, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	arena->first = arena->last = NULL;
	arena->total_bytes = 0;
	arena->exhausted = arena->starved = false;
}

/*
 * Empties the arena but keeps its first chunk, so that the next request usually allocates nothing.
 */
static inline void arena_reset(struct arena *arena)
{
	arena->exhausted = arena->starved = false;
	if (!arena->first)
		return;
	for (struct arena_chunk *chunk = arena->first->next, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	arena->first->next = NULL;
	arena->first->used = 0;
	arena->last = arena->first;
	arena->total_bytes = arena->first->size;
}

static inline void *arena_fail(struct arena *arena)
{
	arena->exhausted = true;
	return NULL;
}

/*
 * Returns memory that is aligned to 16 bytes and not zeroed. Returns NULL if the maximum is reached
 * or malloc fails.
 */
static inline void *arena_alloc(struct arena *arena, size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		return arena_fail(arena);
	bytes = (bytes + 15) & ~(size_t)15;
	struct arena_chunk *chunk = arena->last;
	if (!chunk || chunk->size - chunk->used < bytes) {
		size_t size = bytes > arena->chunk_bytes ? bytes : arena->chunk_bytes;
		if (size > arena->max_bytes || arena->total_bytes > arena->max_bytes - size)
			return arena_fail(arena);
		chunk = malloc(sizeof *chunk + size);
		if (!chunk) {
			arena->starved = true;
			return arena_fail(arena);
		}
		chunk->next = NULL;
		chunk->size = size;
		chunk->used = 0;
		if (arena->last)
			arena->last->next = chunk;
		else
			arena->first = chunk;
		arena->last = chunk;
		arena->total_bytes += size;
	}
	void *memory = chunk->bytes + chunk->used;
	chunk->used += bytes;
	return memory;
}

/*
 * Allocates `count` elements of `size` bytes as arena_alloc does, and zeroes them. Returns NULL
 * also if the product overflows.
 */
static inline void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		return arena_fail(arena);
	void *memory = arena_alloc(arena, bytes);
	if (memory && bytes)
		memset(memory, 0, bytes);
	return memory;
}

/*
 * Copies the string to the arena, and adds a NUL that the length does not count. Returns an absent
 * string on failure.
 */
static inline struct str arena_str(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.len + 1);
	if (!copy)
		return (struct str){NULL, 0};
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return (struct str){copy, s.len};
}

#endif
