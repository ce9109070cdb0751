#include "webhook/json/write.h"

#include <stdint.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define ELLIPSIS "\xE2\x80\xA6"    /* U+2026 */

static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
 * Whether one of the eight bytes is not plain. A borrow may also mark a plain byte that follows a
 * special one, which does not change the result.
 */
static bool word_special(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
	uint64_t quote = word ^ ones * '"';
	uint64_t backslash = word ^ ones * '\\';
	uint64_t found = word | (word - ones * 0x20) | (quote - ones) | (backslash - ones);
	return (found & highs) != 0;
}

static size_t plain_run(const unsigned char *at, const unsigned char *end)
{
	const unsigned char *start = at;
	while (end - at >= 8) {
		uint64_t word;
		memcpy(&word, at, sizeof word);
		if (word_special(word))
			break;
		at += 8;
	}
	while (at < end && plain(*at))
		at++;
	return (size_t)(at - start);
}

/* Returns the length of the UTF-8 character at `at`, or 0 if there is none (Unicode, table 3-7). */
static size_t character(const unsigned char *at, const unsigned char *end)
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

static void escape(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	static const char letters[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	char letter = c < sizeof letters ? letters[c] : (char)c;
	if (letter) {
		buf_add(out, (char[]){'\\', letter}, 2);
		return;
	}
	buf_add(out, (char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
}

static void contents(struct buf *out, struct str text)
{
	const unsigned char *at = (const unsigned char *)text.ptr;
	const unsigned char *end = at + text.len;
	while (at < end) {
		size_t run = plain_run(at, end);
		buf_add(out, at, run);
		at += run;
		if (at == end)
			break;
		if (*at < 0x80) {
			escape(out, *at++);
			continue;
		}
		size_t len = character(at, end);
		if (len) {
			buf_add(out, at, len);
			at += len;
		} else {
			buf_text(out, REPLACEMENT);
			at++;
		}
	}
}

void json_write_string(struct buf *out, struct str text)
{
	buf_char(out, '"');
	if (text.len)
		contents(out, text);
	buf_char(out, '"');
}

void json_write_cut(struct buf *out, struct str text, size_t max_bytes)
{
	if (text.len <= max_bytes) {
		json_write_string(out, text);
		return;
	}
	size_t len = max_bytes;
	while (len > 0 && max_bytes - len < 3 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
		len--;
	buf_char(out, '"');
	contents(out, (struct str){text.ptr, len});
	buf_text(out, ELLIPSIS "\"");
}
