#include "gpugate/vec.h"

/* Computes the new capacity in elements and in bytes. Returns false if either overflows. */
static bool larger(size_t size, size_t least, size_t bytes, size_t *more, size_t *wanted)
{
	*more = least;
	return !(size && __builtin_mul_overflow(size, 2, more)) && !__builtin_mul_overflow(*more, bytes, wanted);
}

void *vec_grow(void *items, size_t *size, size_t least, size_t bytes)
{
	size_t more, wanted;
	void *moved = larger(*size, least, bytes, &more, &wanted) ? realloc(items, wanted) : NULL;
	if (moved)
		*size = more;
	return moved;
}

void *vec_grow_in(struct arena *arena, const void *items, uint32_t *size, uint32_t least, size_t bytes)
{
	size_t more, wanted;
	bool fits = larger(*size, least, bytes, &more, &wanted) && more <= UINT32_MAX;
	char *copy = fits ? arena_alloc(arena, wanted) : NULL;
	if (!copy)
		return NULL;
	if (*size)
		memcpy(copy, items, *size * bytes);
	*size = (uint32_t)more;
	return copy;
}
