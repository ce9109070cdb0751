/*
 * string: the contents of JSON strings. The common case, plain ASCII, is handled inline in blocks
 * of 16 bytes. Escapes and UTF-8 are checked out of line in string.c, to keep the loops that read
 * strings small.
 */
#ifndef WEBHOOK_JSON_STRING_H
#define WEBHOOK_JSON_STRING_H

#include "webhook/json/scan_state.h"

#if defined(__SSE2__) && !defined(REVIEW_SCAN_PORTABLE)
#include <emmintrin.h>
#define HAVE_BLOCKS 1
#endif

/*
 * Checks the escape, UTF-8 sequence or control character at `p`. Returns the byte after it, or NULL
 * after scan_fail. The result may lie a few bytes beyond the end of the text, in the padding, and
 * the caller must check that.
 */
const char *review_string_special(struct scan *scan, const char *p);

/*
 * Returns the first byte from `p` on that is not plain string content: a quote, a backslash, a
 * control character or non-ASCII. Returns a pointer at or beyond `end` if there is none.
 */
static inline const char *to_special(const char *p, const char *end)
{
#ifdef HAVE_BLOCKS
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
	for (; p < end; p += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
		/*
		 * As signed bytes, control characters and all non-ASCII bytes are less than a
		 * space.
		 */
		__m128i hits =
		    _mm_or_si128(_mm_cmplt_epi8(block, space),
				 _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
		unsigned mask = (unsigned)_mm_movemask_epi8(hits);
		if (mask)
			return p + __builtin_ctz(mask);
	}
#else
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)(*p - ' ') < 0x60)
		p++;
#endif
	return p;
}

/*
 * Returns the closing quote of the string whose first byte is at `p`, or NULL after scan_fail. Sets
 * `escaped` if the string has escapes, and does not clear it.
 */
static inline const char *review_string_end(struct scan *scan, const char *p, bool *escaped)
{
	for (;;) {
		p = to_special(p, scan->end);
		if (UNLIKELY(p >= scan->end)) {
			scan_fail(scan, scan->end, "the text ends inside a string");
			return NULL;
		}
		if (*p == '"')
			return p;
		if (*p == '\\')
			*escaped = true;
		p = review_string_special(scan, p);
		if (UNLIKELY(!p))
			return NULL;
	}
}

/*
 * Decodes the escapes of a raw string from scan_string. `out` has room for raw.len bytes. Returns
 * the number of bytes written.
 */
size_t scan_unescape(struct str raw, char *out);

#endif
