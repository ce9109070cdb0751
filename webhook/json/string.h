/*
 * string: the inside of JSON strings. The common case, plain ASCII, is handled inline in blocks of 16 bytes.
 * Escapes and UTF-8 are checked in string.c, out of line, so that the loops that read strings stay small.
 */
#ifndef WEBHOOK_JSON_STRING_H
#define WEBHOOK_JSON_STRING_H

#include "webhook/json/scan_state.h"

#if defined(__SSE2__) && !defined(REVIEW_SCAN_PORTABLE)
#include <emmintrin.h>
#define HAVE_BLOCKS 1
#endif

/*
 * Checks the escape, UTF-8 sequence or control character at `p`. Returns what follows it, possibly a few bytes beyond
 * the end of the text (the padding was read then, and the caller must look), or NULL after scan_fail.
 */
const char *review_string_special(struct scan *scan, const char *p);

/* The first byte from `p` on that is not plain string content (quote, backslash, control, non-ASCII), or >= end. */
static inline const char *to_special(const char *p, const char *end)
{
#ifdef HAVE_BLOCKS
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
	for (; p < end; p += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* As signed bytes, controls and all of non-ASCII are less than a space. */
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

/* From the byte after the opening quote to the closing quote, which is within the text; NULL on failure. */
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
 * Writes the characters that the raw text of a string from scan_string stands for. `out` has room for raw.len bytes.
 * Returns the number of bytes written.
 */
size_t scan_unescape(struct str raw, char *out);

#endif
