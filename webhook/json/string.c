#include "webhook/json/string.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns the value of the four digits after \u, or -1. */
static int hex_quad(const char *p)
{
	int value = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/*
 * Checks the escape whose backslash is at `p`. Returns the byte after it, possibly beyond the end,
 * or NULL.
 */
static const char *after_escape(struct scan *scan, const char *p)
{
	if (strchr("\"\\/bfnrt", p[1]) && p[1] != '\0')
		return p + 2;
	if (p[1] != 'u') {
		scan_fail(scan, p, "an escape that JSON does not know");
		return NULL;
	}
	int unit = hex_quad(p + 2);
	if (unit < 0) {
		scan_fail(scan, p, "\\u without four hexadecimal digits");
		return NULL;
	}
	if (unit < 0xd800 || unit > 0xdfff)
		return p + 6;
	int low = unit < 0xdc00 && p[6] == '\\' && p[7] == 'u' ? hex_quad(p + 8) : -1;
	if (low >= 0xdc00 && low <= 0xdfff)
		return p + 12;
	scan_fail(scan, p, "half of a surrogate pair");
	return NULL;
}

/* Checks a UTF-8 sequence of several bytes (RFC 3629). Returns the byte after it, or NULL. */
static const char *after_utf8(struct scan *scan, const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned lead = u[0], min = 0x80, max = 0xbf;
	int tail = lead >= 0xc2 && lead <= 0xdf ? 1 : (lead & 0xf0) == 0xe0 ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
	if (lead == 0xe0)
		min = 0xa0; /* Less is overlong. */
	else if (lead == 0xed)
		max = 0x9f; /* More is a surrogate. */
	else if (lead == 0xf0)
		min = 0x90;
	else if (lead == 0xf4)
		max = 0x8f; /* More is beyond U+10FFFF. */
	bool good = tail > 0 && u[1] >= min && u[1] <= max;
	for (int i = 2; good && i <= tail; i++)
		good = (u[i] & 0xc0) == 0x80;
	if (good)
		return p + tail + 1;
	scan_fail(scan, p, "bytes that are not UTF-8");
	return NULL;
}

const char *review_string_special(struct scan *scan, const char *p)
{
	if (*p == '\\')
		return after_escape(scan, p);
	if (*p & 0x80)
		return after_utf8(scan, p);
	scan_fail(scan, p, "control character 0x%02x in a string: it must be escaped", (unsigned char)*p);
	return NULL;
}

static char *put_utf8(char *out, unsigned code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*out++ = (char)(0xe0 | code >> 12);
		} else {
			*out++ = (char)(0xf0 | code >> 18);
			*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (code & 0x3f));
	return out;
}

size_t scan_unescape(struct str raw, char *out)
{
	static const char meaning[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
					  ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
	const char *p = raw.ptr, *end = raw.ptr + raw.len;
	char *to = out;
	while (p < end) {
		const char *backslash = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((backslash ? backslash : end) - p);
		memcpy(to, p, plain);
		to += plain;
		if (!backslash)
			break;
		if (backslash[1] != 'u') {
			*to++ = meaning[(unsigned char)backslash[1]];
			p = backslash + 2;
			continue;
		}
		unsigned code = (unsigned)hex_quad(backslash + 2);
		p = backslash + 6;
		if (code >= 0xd800 && code <= 0xdfff) { /* scan_string has checked the pair. */
			code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned)hex_quad(p + 2) - 0xdc00);
			p += 6;
		}
		to = put_utf8(to, code);
	}
	return (size_t)(to - out);
}
