/* decode_value: decodes scalars by the rows of the schema. */
#ifndef POLICY_DOCUMENT_DECODE_VALUE_H
#define POLICY_DOCUMENT_DECODE_VALUE_H

#include "policy/document/decode_task.h"

/*
 * One function for each type of scalar. Each leaves the default in place if the value does not
 * match the row (reported).
 */
void decode_text(const struct decode_task *task);
void decode_flag(const struct decode_task *task);
void decode_number(const struct decode_task *task);
void decode_amount(const struct decode_task *task);
void decode_choice(const struct decode_task *task);

/* Reads a string of the given form. Returns false if the node is not such a string (reported). */
bool decode_read_text(const struct decode_task *task, const struct node *node, enum text_form form, struct text *out);

/* Reads one of the field's words. Leaves `out` unchanged if the node is none of them (reported). */
void decode_read_choice(const struct decode_task *task, const struct node *node, struct choice *out);

/*
 * Parses [+-]?(0|[1-9][0-9]*), and returns false for anything else. Ignores the digits after the
 * value has reached INT64_MAX / 100, so a huge number cannot overflow but stays out of every range.
 * A leading zero is not accepted, because some YAML parsers read it as octal.
 */
bool decode_parse_number(struct str text, int64_t *out);

/* Returns the value of a word of the field, or -1 if it has no such word. */
int decode_report_word(const struct schema_field *field, struct str text);

/*
 * Reports a value of the wrong type, as in `"quotas": expected a list of strings, found a map`.
 * Does nothing if the node has already been reported.
 */
void decode_wrong_type(const struct decode_task *task, const struct node *node, const char *expected);

#endif
