/* wrap: splits a text into sentences, and wraps it into lines. */
#ifndef WEBHOOK_CLI_WRAP_H
#define WEBHOOK_CLI_WRAP_H

#include "gpugate/buf.h"

/*
 * Appends `len` bytes of `text`, wrapped into lines, and a final newline. A line has at most
 * `columns` columns, unless one word is longer. The first line starts in column `at`; the others
 * are indented by `indent`. No line ends with a space.
 */
void wrap_text(struct buf *out, const char *text, size_t len, size_t at, size_t indent, size_t columns);

/* Returns the length of the first sentence, without the space after it. */
size_t sentence_length(const char *text);

#endif
