/*
 * utf8: decodes code points of UTF-8 (RFC 3629). Columns are counted in them, and text for users is
 * sanitized by them. Pure.
 */
#ifndef POLICY_BASE_UTF8_H
#define POLICY_BASE_UTF8_H

#include "gpugate/str.h"

/*
 * Decodes the first code point of `s`, which must not be empty. Returns its length in bytes (1 to
 * 4), or 0 if it is not valid UTF-8.
 */
static inline unsigned utf8_next(struct str s, uint32_t *point)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned bytes = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;

	if (bytes == 0 || bytes > s.len)
		return 0;
	uint32_t value = bytes == 1 ? p[0] : p[0] & (0x7fu >> bytes);
	for (unsigned i = 1; i < bytes; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	if (value < least[bytes] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*point = value;
	return bytes;
}

/*
 * Returns the length of the first code point of `s`, which must not be empty. A byte that is not
 * valid UTF-8 counts as one code point.
 */
static inline unsigned utf8_step(struct str s)
{
	uint32_t point;
	unsigned bytes = utf8_next(s, &point);
	return bytes ? bytes : 1;
}

/*
 * Returns the longest prefix of `s` that has at most `max` bytes and does not end inside a code
 * point.
 */
static inline struct str utf8_head(struct str s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
		max--;
	return (struct str){s.ptr, max};
}

#endif
