/*
 * decode_value: what stands between a document and its words: objects, lists and scalars, by the schema's rows.
 */
#ifndef POLICY_DOCUMENT_DECODE_VALUE_H
#define POLICY_DOCUMENT_DECODE_VALUE_H

#include "policy/base/utf8.h"
#include "policy/document/decode.h"

/* The layout of every LIST_OF in docs.h, whatever its items. */
struct decode_list {
	void *items;
	uint32_t count;
	bool set;
	struct place at;
};

#define DECODE_FIND(decoder, at, ...) docs_find((decoder)->report, (decoder)->docs, SEVERITY_ERROR, (at), __VA_ARGS__)

/* Arguments for "%.*s": a hostile word may be long, a message may not. */
#define SHOWN(s) STR_ARG(utf8_head((s), 80))

/* What a decoding function needs to know: the row, and where the value goes. */
struct decode_task {
	struct decoder *decoder;
	const struct schema_field *field;
	const struct node *key; /* the field's key in the file */
	char *base;             /* the struct around the value */
};

static inline void *decode_slot(const struct decode_task *task)
{
	return task->base + task->field->offset;
}

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

/* Gives every field of the struct its default. `at` stands for the place of what is not written. */
void decode_defaults(struct decoder *decoder, const struct schema_object *object, void *base, struct place at);

/* Decodes a map into the struct at `base`. Missing keys are reported at `at`. */
void decode_object(struct decoder *decoder, const struct schema_object *object, const struct node *map, void *base,
		   struct place at);

/* The object's field of that key, or NULL. */
const struct schema_field *decode_find_field(const struct schema_object *object, struct str key);

/* "namespaces, users and groups", written to `buffer`. */
const char *decode_join_keys(const struct schema_object *object, char *buffer, size_t size);

/* Reports a key that the object does not have. Returns the field that was probably meant, or NULL. `before`: the key before it, or NULL. */
const struct schema_field *decode_unknown_key(struct decoder *decoder, const struct schema_object *object,
					      const struct node *before, const struct node *key);

/* Reports, once, that there is no memory. */
void decode_exhausted(struct decoder *decoder);

#endif
