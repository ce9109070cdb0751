#include "webhook/object/manifest_own.h"

#include <stdio.h>
#include <strings.h>

#include "webhook/object/manifest_yaml.h"

/* Returns "true" or "false" for an unquoted scalar that is one in YAML 1.1 only; otherwise NULL. */
static const char *old_boolean(struct str text, char *json, size_t size)
{
	struct buf out;
	buf_init(&out, size);
	bool word = manifest_plain(text, &out) == PLAIN_WORD && !out.failed;
	snprintf(json, size, "%.*s", word ? (int)out.len : 0, word ? out.ptr : "");
	buf_release(&out);
	if (!word || strcmp(json, "null") == 0)
		return NULL;
	return text.len == strlen(json) && strncasecmp(text.ptr, json, text.len) == 0 ? NULL : json;
}

const char *manifest_own_problem(struct str text, bool plain, bool key, char *buffer, size_t size)
{
	char json[16];
	const char *boolean = plain && text.len <= strlen("false") ? old_boolean(text, json, sizeof json) : NULL;
	if (str_has_char(text, '\0'))
		return MANIFEST_OWN_NUL;
	if (!boolean)
		return NULL;
	if (key)
		snprintf(buffer, size, "kubectl would read the key \"%.*s\" as \"%s\"; quote it", STR_ARG(text),
			 boolean);
	else
		snprintf(buffer, size,
			 "kubectl would read \"%.*s\" as %s; quote it if it is meant as text, or else write %s",
			 STR_ARG(text), boolean, boolean);
	return buffer;
}

const char *manifest_own_nul(struct str json)
{
	static const char escape[] = "\\u0000";
	const char *at = json.ptr, *end = json.ptr + json.len;
	for (; at && (at = memmem(at, (size_t)(end - at), escape, sizeof escape - 1)); at++) {
		const char *first = at;
		while (first > json.ptr && first[-1] == '\\')
			first--;
		if ((at - first) % 2 == 0) /* Otherwise the backslash is escaped. */
			return at;
	}
	return NULL;
}
