/*
 * vec: arrays that grow by doubling. vec_room and vec_room_in make room for one more element and
 * return the array, which may have moved. The array has `count` elements and room for `*size`. If
 * `*size` is 0, the array may be NULL, and gets room for `least`. If memory is exhausted, they
 * return NULL, and neither the array nor `*size` changes. Not thread-safe.
 */
#ifndef GPUGATE_VEC_H
#define GPUGATE_VEC_H

#include "gpugate/arena.h"

/* Used by the functions below. */
void *vec_grow(void *items, size_t *size, size_t least, size_t bytes);
void *vec_grow_in(struct arena *arena, const void *items, uint32_t *size, uint32_t least, size_t bytes);

/* An array on the heap, which the caller frees with free(). `bytes` is the size of an element. */
static inline void *vec_room(void *items, size_t count, size_t *size, size_t least, size_t bytes)
{
	return count < *size ? items : vec_grow(items, size, least, bytes);
}

/* An array in an arena, where the old array stays as it was. */
static inline void *vec_room_in(struct arena *arena, void *items, uint32_t count, uint32_t *size, uint32_t least,
				size_t bytes)
{
	return count < *size ? items : vec_grow_in(arena, items, size, least, bytes);
}

#endif
