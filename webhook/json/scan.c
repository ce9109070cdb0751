#include "webhook/json/scan.h"

#include "webhook/json/string.h"

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes at least one digit. Returns the byte after the digits, or NULL after scan_fail. */
static const char *digits_end(struct scan *scan, const char *p)
{
	if (p >= scan->end || !is_digit(*p)) {
		scan_fail(scan, p, "a number that lacks digits");
		return NULL;
	}
	while (p < scan->end && is_digit(*p))
		p++;
	return p;
}

static const char *number_end(struct scan *scan, const char *p)
{
	if (*p == '-')
		p++;
	if (p < scan->end && *p == '0') {
		p++;
		if (p < scan->end && is_digit(*p)) {
			scan_fail(scan, p - 1, "a number with a leading zero");
			return NULL;
		}
	} else {
		p = digits_end(scan, p);
	}
	if (p && p < scan->end && *p == '.')
		p = digits_end(scan, p + 1);
	if (p && p < scan->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < scan->end && (*p == '+' || *p == '-'))
			p++;
		p = digits_end(scan, p);
	}
	return p;
}

static const char *word_end(struct scan *scan, const char *p, struct str word)
{
	if ((size_t)(scan->end - p) >= word.len && memcmp(p, word.ptr, word.len) == 0)
		return p + word.len;
	scan_fail(scan, p, "expected %.*s", STR_ARG(word));
	return NULL;
}

int scan_string(struct scan *scan, struct str *raw, bool *escaped)
{
	const char *from = scan->at + 1;
	*escaped = false;
	const char *quote = review_string_end(scan, from, escaped);
	if (!quote)
		return -1;
	*raw = (struct str){from, (size_t)(quote - from)};
	scan->at = quote + 1;
	return 0;
}

int scan_number(struct scan *scan, struct str *text)
{
	const char *end = number_end(scan, scan->at);
	if (!end)
		return -1;
	*text = (struct str){scan->at, (size_t)(end - scan->at)};
	scan->at = end;
	return 0;
}

int scan_word(struct scan *scan, struct str word)
{
	const char *end = word_end(scan, scan->at, word);
	if (!end)
		return -1;
	scan->at = end;
	return 0;
}

int scan_open(struct scan *scan)
{
	if (scan->depth == SCAN_DEPTH_MAX)
		return scan_fail(scan, scan->at, "nested deeper than %d", SCAN_DEPTH_MAX);
	scan->depth++;
	scan->at++;
	return 0;
}

int scan_element(struct scan *scan, bool first)
{
	char c = scan_peek(scan);
	if (c == ']') {
		scan->at++;
		scan->depth--;
		return 0;
	}
	if (first)
		return 1;
	if (c != ',')
		return scan_expected(scan, "',' or ']'");
	scan->at++;
	scan_peek(scan);
	return 1;
}

int scan_member(struct scan *scan, bool first, struct str *key, bool *escaped)
{
	char c = scan_peek(scan);
	if (c == '}') {
		scan->at++;
		scan->depth--;
		return 0;
	}
	if (!first) {
		if (c != ',')
			return scan_expected(scan, "',' or '}'");
		scan->at++;
		c = scan_peek(scan);
	}
	if (c != '"')
		return scan_expected(scan, "a key in double quotes");
	if (scan_string(scan, key, escaped) < 0)
		return -1;
	if (scan_peek(scan) != ':')
		return scan_expected(scan, "':'");
	scan->at++;
	scan_peek(scan);
	return 1;
}

/* Skips white space. Returns the first byte of the next token, or the end of the text. */
static inline const char *token(const struct scan *scan, const char *p)
{
	if (UNLIKELY((unsigned char)*p <= ' '))
		while (p < scan->end && scan_is_blank(*p))
			p++;
	return p;
}

/* Takes a key and its colon. Returns the first byte of the value, or NULL. */
static inline const char *member_value(struct scan *scan, const char *p)
{
	bool escaped;
	if (UNLIKELY(p >= scan->end || *p != '"')) {
		scan->at = p;
		scan_expected(scan, "a key in double quotes");
		return NULL;
	}
	p = review_string_end(scan, p + 1, &escaped);
	if (UNLIKELY(!p))
		return NULL;
	p = token(scan, p + 1);
	if (UNLIKELY(p >= scan->end || *p != ':')) {
		scan->at = p;
		scan_expected(scan, "':'");
		return NULL;
	}
	return token(scan, p + 1);
}

/* Takes a string, number, true, false or null. Returns the byte after it, or NULL. */
static inline const char *scalar_end(struct scan *scan, const char *p)
{
	bool escaped;
	if (UNLIKELY(p >= scan->end)) {
		scan->at = p;
		scan_expected(scan, "a value");
		return NULL;
	}
	switch (*p) {
	case '"':
		p = review_string_end(scan, p + 1, &escaped);
		return p ? p + 1 : NULL;
	case 't':
		return word_end(scan, p, STR("true"));
	case 'f':
		return word_end(scan, p, STR("false"));
	case 'n':
		return word_end(scan, p, STR("null"));
	default:
		if (*p == '-' || is_digit(*p))
			return number_end(scan, p);
		scan->at = p;
		scan_expected(scan, "a value");
		return NULL;
	}
}

int scan_skip(struct scan *scan)
{
	char closers[SCAN_DEPTH_MAX]; /* The byte that closes each open object or array. */
	const unsigned base = scan->depth;
	unsigned depth = base;
	const char *p = token(scan, scan->at);
	for (;;) { /* p is at a value. */
		if (p < scan->end && (*p == '{' || *p == '[')) {
			if (UNLIKELY(depth == SCAN_DEPTH_MAX))
				return scan_fail(scan, p, "nested deeper than %d", SCAN_DEPTH_MAX);
			char closer = (char)(*p + 2); /* In ASCII, each closer is its opener + 2. */
			closers[depth++] = closer;
			p = token(scan, p + 1);
			if (p >= scan->end || *p != closer) {
				if (closer == '}' && !(p = member_value(scan, p)))
					return -1;
				continue;
			}
		} else {
			p = scalar_end(scan, p);
			if (UNLIKELY(!p))
				return -1;
		}
		/* p follows a value, or is at the closer of an empty one. */
		for (;; p++, depth--) {
			if (depth == base)
				break;
			p = token(scan, p);
			if (UNLIKELY(p >= scan->end))
				return scan_fail(scan, p, "the text ends inside an object or array");
			if (*p != closers[depth - 1])
				break;
		}
		if (depth == base)
			break;
		if (UNLIKELY(*p != ',')) {
			scan->at = p;
			return scan_expected(scan, closers[depth - 1] == '}' ? "',' or '}'" : "',' or ']'");
		}
		p = token(scan, p + 1);
		if (closers[depth - 1] == '}' && !(p = member_value(scan, p)))
			return -1;
	}
	scan->at = p;
	return 0;
}

int scan_finish(struct scan *scan)
{
	scan_peek(scan);
	return scan->at == scan->end ? 0 : scan_expected(scan, "nothing more");
}

int review_scan_valid(const char *bytes, size_t len, struct error *err)
{
	struct scan scan;
	scan_init(&scan, bytes, len);
	if (len > SCAN_LEN_MAX)
		return error_set(err, "the text is longer than %u bytes", SCAN_LEN_MAX);
	if (scan_skip(&scan) < 0 || scan_finish(&scan) < 0)
		return error_set(err, "%s (byte %zu)", scan.fault, (size_t)(scan.at - scan.begin));
	return 0;
}
