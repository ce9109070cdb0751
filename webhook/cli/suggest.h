/* suggest: the word that was probably meant. Pure. */
#ifndef WEBHOOK_CLI_SUGGEST_H
#define WEBHOOK_CLI_SUGGEST_H

#include <stddef.h>

/*
 * Of `count` words, found `stride` bytes apart from `words` on, the one nearest to `wrong`, if it differs in at most a
 * third of its letters (or in one); else NULL. Entries that are NULL are passed over.
 */
const char *suggest(const char *wrong, const char *const *words, size_t count, size_t stride);

#endif
