/*
 * vec: arrays that grow by doubling. Both functions make room for one more element and return the
 * array, which may have moved. `count` and `*size` are the elements that it has and has room for; an
 * array without any may be NULL, and gets room for `least`. Returns NULL without memory, and then
 * neither the array nor `*size` has changed. Not thread-safe.
 */
#ifndef GPUGATE_VEC_H
#define GPUGATE_VEC_H

#include "gpugate/arena.h"

void *vec_grow(void *items, size_t *size, size_t least, size_t bytes);
void *vec_grow_in(struct arena *arena, const void *items, uint32_t *size, uint32_t least, size_t bytes);

/* An array on the heap, which the caller frees with free(). `bytes` is the size of an element. */
static inline void *vec_room(void *items, size_t count, size_t *size, size_t least, size_t bytes)
{
	return count < *size ? items : vec_grow(items, size, least, bytes);
}

/* An array in an arena. The old array stays there as well, as it was. */
static inline void *vec_room_in(struct arena *arena, void *items, uint32_t count, uint32_t *size, uint32_t least,
				size_t bytes)
{
	return count < *size ? items : vec_grow_in(arena, items, size, least, bytes);
}

#endif
