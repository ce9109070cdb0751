#include "webhook/json/path.h"

#include "webhook/json/string.h"

#define KEY_BYTES_MAX 128 /* The maximum length of a key in a path. */

static bool is_key(struct str raw, bool escaped, struct str key)
{
	char plain[KEY_BYTES_MAX];
	if (!escaped)
		return str_eq(raw, key);
	return raw.len <= sizeof plain && str_eq((struct str){plain, scan_unescape(raw, plain)}, key);
}

/*
 * Enters the object at the scan's position and moves to the value of the key. Returns 1; 0 if there
 * is no such key; or -1 on error.
 */
static int enter(struct scan *scan, struct str key)
{
	struct str raw;
	bool escaped = false;
	if (scan_peek(scan) == 'n')
		return scan_word(scan, STR("null"));
	if (scan_peek(scan) != '{')
		return scan_expected(scan, "an object");
	if (scan_open(scan) < 0)
		return -1;
	for (bool first = true;; first = false) {
		int more = scan_member(scan, first, &raw, &escaped);
		if (more <= 0)
			return more;
		if (is_key(raw, escaped, key))
			return 1;
		if (scan_skip(scan) < 0)
			return -1;
	}
}

int json_find(struct str text, const char *path, struct str *value, struct error *err)
{
	struct scan scan;
	const char *at = path;
	int found = 1;
	*value = (struct str){NULL, 0};
	scan_init(&scan, text.ptr, text.len);
	while (*at && found > 0) {
		size_t len = strcspn(at, ".");
		found = enter(&scan, (struct str){at, len});
		if (found < 0)
			return error_set(err, "%.*s: %s (byte %zu)", (int)(at > path ? at - path - 1 : 0), path,
					 scan.fault, (size_t)(scan.at - scan.begin));
		at += len + (at[len] == '.');
	}
	bool is_null = found > 0 && scan_peek(&scan) == 'n';
	const char *begin = scan.at;
	if (found > 0 && scan_skip(&scan) < 0)
		return error_set(err, "%s: %s (byte %zu)", path, scan.fault, (size_t)(scan.at - scan.begin));
	if (found > 0 && !is_null)
		*value = (struct str){begin, (size_t)(scan.at - begin)};
	return 0;
}

struct str json_plain_text(struct str value)
{
	if (value.len < 2 || value.ptr[0] != '"' || memchr(value.ptr, '\\', value.len))
		return (struct str){NULL, 0};
	return (struct str){value.ptr + 1, value.len - 2};
}
