/* wrap: breaks a text into sentences, and into lines between words. */
#ifndef WEBHOOK_CLI_WRAP_H
#define WEBHOOK_CLI_WRAP_H

#include "gpugate/buf.h"

/*
 * Appends `len` bytes of `text`, in lines of at most `columns` columns where its words allow that,
 * and a final newline. The first line starts in column `at`; the others are indented by `indent`.
 * No line ends in a blank.
 */
void wrap_text(struct buf *out, const char *text, size_t len, size_t at, size_t indent, size_t columns);

/* The length of the sentence at the start of a text, without the blank that follows it. */
size_t sentence_length(const char *text);

#endif
