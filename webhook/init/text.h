/* text: YAML with comments, for files that people go on to edit. */
#ifndef WEBHOOK_INIT_TEXT_H
#define WEBHOOK_INIT_TEXT_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

#define TEXT_COLUMNS 100

/* Appends a comment, wrapped at TEXT_COLUMNS, with `indent` spaces before each line. */
__attribute__((format(printf, 3, 4))) void text_comment(struct buf *out, unsigned indent, const char *format, ...);

/* Appends the beginning of a document of the policy, up to and including `spec:`. */
void text_document(struct buf *out, const char *kind, struct str name);

/* Appends `[a, b]`, a list of strings. */
void text_list(struct buf *out, const struct str *items, uint32_t count);

/* Returns "" for 1, otherwise "s". */
static inline const char *text_s(uint64_t count)
{
	return count == 1 ? "" : "s";
}

#endif
