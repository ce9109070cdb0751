/*
 * token: a key, string, number or literal outside of the objects in a stream, collected from pieces
 * of any size. A token that does not fit is truncated: it matches nothing and is not validated.
 * Used only by stream.c.
 */
#ifndef WEBHOOK_KUBE_TOKEN_H
#define WEBHOOK_KUBE_TOKEN_H

#include "webhook/json/scan.h"

/*
 * In bytes as written, quotes included. Room for "metadata" even if every character is an escape.
 */
#define KUBE_WORD_MAX 63

struct kube_word {
	/* As written, with quotes; after kube_word_finish, the decoded string. */
	char text[KUBE_WORD_MAX + 1 + REVIEW_PADDING];
	size_t len;
	bool behind; /* The next byte follows an unescaped backslash. */
};

static inline void kube_word_init(struct kube_word *word)
{
	word->len = 0;
	word->behind = false;
}

static inline bool kube_word_is_cut(const struct kube_word *word)
{
	return word->len > KUBE_WORD_MAX;
}

static inline void kube_word_add(struct kube_word *word, char c)
{
	if (!kube_word_is_cut(word))
		word->text[word->len++] = c;
}

/*
 * Continues in a string whose opening quote was added. Returns the byte after its closing quote, or
 * NULL if that has not arrived yet.
 */
const char *kube_word_string(struct kube_word *word, const char *p, const char *end);

/* Continues in a number or literal. Returns the byte after it, or `end` if it may continue. */
const char *kube_word_scalar(struct kube_word *word, const char *p, const char *end);

/*
 * Checks that the token is valid JSON, and decodes a string. Returns 0, or -1 with the offset of
 * the error in the token and its description.
 */
int kube_word_finish(struct kube_word *word, size_t *at, char fault[static 256]);

/* Whether the finished token equals `text`. */
bool kube_word_is(const struct kube_word *word, struct str text);

#endif
