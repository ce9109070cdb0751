/* suggest: finds the word that a misspelled one probably means. Pure and thread-safe. */
#ifndef WEBHOOK_CLI_SUGGEST_H
#define WEBHOOK_CLI_SUGGEST_H

#include <stddef.h>

/*
 * Returns the word with the smallest edit distance to `wrong`, or NULL if none is close enough. The
 * distance may be at most a third of the word's length, but at least 1 is always allowed. The
 * `count` pointers are `stride` bytes apart, starting at `words`, so that they may be members of
 * structs. NULL entries are skipped. The result is borrowed.
 */
const char *suggest(const char *wrong, const char *const *words, size_t count, size_t stride);

#endif
