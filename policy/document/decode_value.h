/* decode_value: scalars, by the rows of the schema. */
#ifndef POLICY_DOCUMENT_DECODE_VALUE_H
#define POLICY_DOCUMENT_DECODE_VALUE_H

#include "policy/document/decode_task.h"

/* One for each type of scalar. Each leaves the default where the value is not as the row says (reported). */
void decode_text(const struct decode_task *task);
void decode_flag(const struct decode_task *task);
void decode_number(const struct decode_task *task);
void decode_amount(const struct decode_task *task);
void decode_choice(const struct decode_task *task);

/* A string of the form asked for. Returns false, and reports, when it is none. */
bool decode_read_text(const struct decode_task *task, const struct node *node, enum text_form form, struct text *out);

/* One of the field's words. */
void decode_read_choice(const struct decode_task *task, const struct node *node, struct choice *out);

/* [+-]?(0|[1-9][0-9]*), saturated. A leading zero would be octal to some readers, so it is no number here. */
bool decode_parse_number(struct str text, int64_t *out);

/* The position of a word of the field, or -1. */
int decode_find_word(const struct schema_field *field, struct str text);

/* Reports: "quotas": expected a list of strings, found a map. Silent where the node was reported already. */
void decode_wrong_type(const struct decode_task *task, const struct node *node, const char *expected);

#endif
