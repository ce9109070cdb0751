#include "gpugate/vec.h"

void *vec_grow(void *items, size_t *size, size_t least, size_t bytes)
{
	size_t more;
	if (__builtin_mul_overflow(*size, 2, &more))
		return NULL;
	more = *size ? more : least;
	void *larger = reallocarray(items, more, bytes);
	if (larger)
		*size = more;
	return larger;
}

void *vec_grow_in(struct arena *arena, const void *items, uint32_t *size, uint32_t least, size_t bytes)
{
	uint32_t more;
	size_t wanted;
	if (__builtin_mul_overflow(*size, 2, &more))
		return NULL;
	more = *size ? more : least;
	char *copy = __builtin_mul_overflow(more, bytes, &wanted) ? NULL : arena_alloc(arena, wanted);
	if (!copy)
		return NULL;
	if (*size)
		memcpy(copy, items, *size * bytes);
	*size = more;
	return copy;
}
