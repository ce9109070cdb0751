/*
 * hash: the 64-bit FNV-1a hash (http://www.isthe.com/chongo/tech/comp/fnv/). It is not keyed. Pure.
 */
#ifndef GPUGATE_HASH_H
#define GPUGATE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN 0xcbf29ce484222325u /* The hash of no bytes. */

static inline uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * 0x100000001b3u;
}

/* Continues a hash with more bytes. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < len; i++)
		hash = hash_byte(hash, at[i]);
	return hash;
}

#endif
