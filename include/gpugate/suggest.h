/* suggest: finds the word that was probably meant by a wrong one. Pure. */
#ifndef GPUGATE_SUGGEST_H
#define GPUGATE_SUGGEST_H

#include <stddef.h>
#include <stdint.h>

#include "gpugate/str.h"

/*
 * Returns the nearest of `count` words to `wrong`, or an absent str if none is near. The words lie `stride` bytes
 * apart, from `words` on. The distance is Damerau-Levenshtein's, without regard to case. A word is near if its distance
 * is at most a third of the bytes of `wrong` and it does not say the opposite: "Exists" is not near "NotExists", and
 * "privileged" is not near "unprivileged". Longer words than 64 bytes are never near.
 */
struct str suggest_word(struct str wrong, const struct str *words, size_t count, size_t stride);

/*
 * Does the same for words whose number the policy decides. Subtracts the compared pairs of bytes from `work`, and skips
 * words for which too little is left.
 */
struct str suggest_word_within(struct str wrong, const struct str *words, size_t count, size_t stride, uint64_t *work);

/*
 * Returns the nearest word of a command line to `wrong`, or NULL if none is near. Entries that are NULL are skipped.
 * Case matters here, and the opposite can be near. A word is near if its distance is at most a third of its own bytes,
 * or 1.
 */
const char *suggest_argument(const char *wrong, const char *const *words, size_t count, size_t stride);

#endif
