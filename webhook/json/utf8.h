/* utf8: the characters of UTF-8 (RFC 3629). Pure. */
#ifndef WEBHOOK_JSON_UTF8_H
#define WEBHOOK_JSON_UTF8_H

#include <stddef.h>

/* Returns the length of the UTF-8 character at `at`, or 0 if there is none (Unicode, table 3-7). */
static inline size_t utf8_character(const unsigned char *at, const unsigned char *end)
{
	size_t left = (size_t)(end - at);
	unsigned char first = at[0];
	unsigned char low = 0x80, high = 0xBF; /* Bounds of the second byte. */
	size_t len;
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF) {
		len = 2;
	} else if (first >= 0xE0 && first <= 0xEF) {
		len = 3;
		low = first == 0xE0 ? 0xA0 : 0x80;
		high = first == 0xED ? 0x9F : 0xBF;
	} else if (first >= 0xF0 && first <= 0xF4) {
		len = 4;
		low = first == 0xF0 ? 0x90 : 0x80;
		high = first == 0xF4 ? 0x8F : 0xBF;
	} else {
		return 0;
	}
	if (left < len || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

#endif
