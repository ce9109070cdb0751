/*
 * token: a key, string, number or literal of the frame around Kubernetes' objects, collected from pieces cut anywhere.
 * What is longer than the room is cut: it matches nothing, and is not checked. Used by kube_stream only.
 */
#ifndef WEBHOOK_KUBE_TOKEN_H
#define WEBHOOK_KUBE_TOKEN_H

#include "webhook/json/scan.h"

#define KUBE_WORD_MAX 63 /* bytes as written, quotes included: enough for "metadata" in escapes only */

struct kube_word {
	char text[KUBE_WORD_MAX + 1 + REVIEW_PADDING]; /* as written with its quotes; once finished, what it means */
	size_t len;
	bool behind; /* the next byte stands behind a backslash */
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

/* Goes on in a string, whose opening quote was added. Returns what follows its closing quote, NULL when that is not there yet. */
const char *kube_word_string(struct kube_word *word, const char *p, const char *end);

/* Goes on in a number or literal. Returns what follows, or `end` when it may go on. */
const char *kube_word_scalar(struct kube_word *word, const char *p, const char *end);

/* Checks that it is JSON; then a string is what it means. Returns 0, or -1 with the byte of the word and what is wrong there. */
int kube_word_finish(struct kube_word *word, size_t *at, char fault[static 256]);

/* Whether that is what it says. */
bool kube_word_is(const struct kube_word *word, struct str text);

#endif
