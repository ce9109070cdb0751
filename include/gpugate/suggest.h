/*
 * suggest: finds the word that the author of a misspelled one probably meant. Pure and thread-safe.
 */
#ifndef GPUGATE_SUGGEST_H
#define GPUGATE_SUGGEST_H

#include <stddef.h>
#include <stdint.h>

#include "gpugate/str.h"

/*
 * Returns the most similar of `count` words to `wrong`, or an absent string if none is similar. The
 * words are `stride` bytes apart, starting at `words`.
 *
 * The distance is the Damerau-Levenshtein distance and ignores case. A word is similar if its
 * distance is at most a third of the length of `wrong` and it does not say the opposite. For
 * example, "Exists" is not similar to "NotExists", and "privileged" is not similar to
 * "unprivileged". A word of more than 64 bytes is never similar.
 */
struct str suggest_word(struct str wrong, const struct str *words, size_t count, size_t stride);

/*
 * Does the same for words whose number depends on the policy. Each comparison subtracts the product
 * of both lengths from `work`. Words for which too little is left are skipped.
 */
struct str suggest_word_within(struct str wrong, const struct str *words, size_t count, size_t stride, uint64_t *work);

/*
 * Returns the most similar word of a command line to `wrong`, or NULL if none is similar. NULL
 * entries are skipped. Unlike above, case matters, and a word that says the opposite can be
 * similar. A word is similar if its distance is at most a third of its own length, or 1.
 */
const char *suggest_argument(const char *wrong, const char *const *words, size_t count, size_t stride);

#endif
