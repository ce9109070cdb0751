/* lines: the lines of a source, as libyaml counts them. */
#ifndef POLICY_DOCUMENT_LINES_H
#define POLICY_DOCUMENT_LINES_H

#include "policy/document/documents.h"

/* Returns the length in bytes of the line break that `s`, which is not empty, begins with; 0: it begins with none. */
unsigned lines_break(struct str s);

/* Returns the number of lines. Writes the byte offset of each one to `starts`, unless that is NULL. */
uint32_t lines_split(struct str bytes, uint32_t *starts);

/* The line, from 1, without its break; empty when there is none of that number. */
struct str source_line(const struct source *source, uint32_t line);

#endif
