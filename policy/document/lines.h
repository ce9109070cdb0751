/* lines: the lines of a source, as libyaml counts them. */
#ifndef POLICY_DOCUMENT_LINES_H
#define POLICY_DOCUMENT_LINES_H

#include "policy/document/documents.h"

/*
 * Returns the length in bytes of the line break at the beginning of `s`, or 0 if there is none. `s`
 * must not be empty.
 */
unsigned lines_break(struct str s);

/*
 * Returns the number of lines. Writes the byte offset of each line to `starts`, unless that is
 * NULL.
 */
uint32_t lines_split(struct str bytes, uint32_t *starts);

/* Returns a line, counted from 1, without its line break. Empty if there is no such line. */
struct str source_line(const struct source *source, uint32_t line);

#endif
