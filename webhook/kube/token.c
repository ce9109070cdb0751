#include "webhook/kube/token.h"

#include "webhook/json/string.h"

const char *kube_word_string(struct kube_word *word, const char *p, const char *end)
{
	for (; p < end; p++) {
		kube_word_add(word, *p);
		if (word->behind)
			word->behind = false;
		else if (*p == '\\')
			word->behind = true;
		else if (*p == '"')
			return p + 1;
	}
	return NULL;
}

static bool is_scalar_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' ||
	       c == '.';
}

const char *kube_word_scalar(struct kube_word *word, const char *p, const char *end)
{
	for (; p < end && is_scalar_byte(*p); p++)
		kube_word_add(word, *p);
	return p;
}

int kube_word_finish(struct kube_word *word, size_t *at, char fault[static 256])
{
	struct scan scan;
	struct str raw;
	bool escaped;
	if (kube_word_is_cut(word))
		return 0;
	scan_init(&scan, word->text, word->len);
	bool string = scan_peek(&scan) == '"';
	if ((string ? scan_string(&scan, &raw, &escaped) : scan_skip(&scan)) < 0 || scan_finish(&scan) < 0) {
		*at = (size_t)(scan.at - scan.begin);
		memcpy(fault, scan.fault, sizeof scan.fault);
		return -1;
	}
	if (string) {
		char meant[KUBE_WORD_MAX + 1];
		word->len = scan_unescape(raw, meant);
		memcpy(word->text, meant, word->len);
	}
	return 0;
}

bool kube_word_is(const struct kube_word *word, struct str text)
{
	return !kube_word_is_cut(word) && str_eq((struct str){word->text, word->len}, text);
}
