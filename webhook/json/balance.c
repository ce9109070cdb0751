#include "webhook/json/balance.h"

#include <endian.h>
#include <string.h>

#include "webhook/json/string.h" /* HAVE_BLOCKS, UNLIKELY */

#define BLOCK 64 /* Bytes per block: one for each bit of a uint64_t. */

/* The positions of the significant bytes of a block, as bits. */
struct marks {
	uint64_t quotes, backslashes, openers, closers;
};

/* In ASCII, a bracket differs from the corresponding brace in one bit only. */
#define ANY_OPENER '{'
#define ANY_CLOSER '}'
#define KIND_BIT ('{' ^ '[')

#ifndef HAVE_BLOCKS
/*
 * Returns one bit for each of the eight bytes of `word` that equals `byte`. The lowest bit is for
 * the first byte.
 */
static inline uint64_t equal_bits(uint64_t word, char byte)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;
	uint64_t differs = word ^ (unsigned char)byte * 0x0101010101010101u;
	/* The top bit of each byte that is 0. */
	uint64_t same = ~(((differs & low) + low) | differs | low);
	return (same >> 7) * 0x0102040810204080 >> 56;
}
#endif

static inline struct marks classify(const char *p)
{
	struct marks marks = {0};
#ifdef HAVE_BLOCKS
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
	const __m128i opener = _mm_set1_epi8(ANY_OPENER), closer = _mm_set1_epi8(ANY_CLOSER);
	const __m128i kind = _mm_set1_epi8(KIND_BIT);
	for (unsigned i = 0; i < BLOCK; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i either = _mm_or_si128(bytes, kind);
		marks.quotes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)) << i;
		marks.backslashes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash)) << i;
		marks.openers |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(either, opener)) << i;
		marks.closers |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(either, closer)) << i;
	}
#else
	for (unsigned i = 0; i < BLOCK; i += 8) {
		uint64_t word;
		memcpy(&word, p + i, sizeof word);
		word = le64toh(word);
		uint64_t either = word | KIND_BIT * 0x0101010101010101u;
		marks.quotes |= equal_bits(word, '"') << i;
		marks.backslashes |= equal_bits(word, '\\') << i;
		marks.openers |= equal_bits(either, ANY_OPENER) << i;
		marks.closers |= equal_bits(either, ANY_CLOSER) << i;
	}
#endif
	return marks;
}

/*
 * Returns the bytes that follow a backslash which is not itself escaped. `carry` tells whether the
 * first byte is escaped, and is set for the first byte of the next block.
 */
static inline uint64_t escaped_bytes(uint64_t backslashes, uint64_t *carry)
{
	uint64_t escaped = *carry;
	*carry = 0;
	for (backslashes &= ~escaped; backslashes;) {
		uint64_t one = backslashes & -backslashes;
		escaped |= one << 1;
		*carry = one >> (BLOCK - 1);
		backslashes &= ~(one | one << 1);
	}
	return escaped;
}

/* Sets all bits from each opening quote up to, but not including, its closing quote. */
static inline uint64_t between_quotes(uint64_t quotes)
{
	for (unsigned shift = 1; shift < BLOCK; shift *= 2)
		quotes ^= quotes << shift;
	return quotes;
}

static inline uint64_t count_bits(uint64_t bits)
{
	bits -= bits >> 1 & 0x5555555555555555;
	bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return bits * 0x0101010101010101 >> 56;
}

/*
 * Processes a block of which the first `len` bytes are valid and the others are 0. Returns the
 * position of the last byte of the value, or BLOCK if the value does not end here.
 */
static inline unsigned block_end(struct kube_nest *nest, const char *p, size_t len)
{
	struct marks marks = classify(p);
	if (UNLIKELY(marks.backslashes | nest->escaped)) {
		uint64_t escaped = escaped_bytes(marks.backslashes, &nest->escaped);
		marks.quotes &= ~escaped;
		if (len < BLOCK)
			nest->escaped = escaped >> len & 1;
	}
	uint64_t strings = between_quotes(marks.quotes) ^ nest->in_string;
	nest->in_string = -(strings >> (BLOCK - 1));
	uint64_t openers = marks.openers & ~strings, closers = marks.closers & ~strings;

	/*
	 * Fast path: if fewer objects close here than are open, the value cannot end in this block,
	 * regardless of the order of the brackets.
	 */
	uint64_t empty = closers & openers << 1;
	uint64_t most = count_bits(closers ^ empty);
	if (nest->depth > most) {
		nest->depth += count_bits(openers ^ empty >> 1) - most;
		return BLOCK;
	}
	for (uint64_t left = openers | closers; left; left &= left - 1) {
		uint64_t one = left & -left;
		nest->depth += one & openers ? 1 : -(uint64_t)1;
		if (nest->depth == 0)
			return (unsigned)__builtin_ctzll(one);
	}
	return BLOCK;
}

const char *kube_nest_end(struct kube_nest *nest, const char *p, const char *end)
{
	struct kube_nest now = *nest; /* A copy that can stay in registers. */
	unsigned at;
	for (; end - p >= BLOCK; p += BLOCK) {
		at = block_end(&now, p, BLOCK);
		if (at < BLOCK)
			return p + at + 1;
	}
	if (p < end) {
		char rest[BLOCK] = {0};
		memcpy(rest, p, (size_t)(end - p));
		at = block_end(&now, rest, (size_t)(end - p));
		if (at < BLOCK)
			return p + at + 1;
	}
	*nest = now;
	return NULL;
}
