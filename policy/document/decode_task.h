/* decode_task: what the parts of the decoder share. */
#ifndef POLICY_DOCUMENT_DECODE_TASK_H
#define POLICY_DOCUMENT_DECODE_TASK_H

#include "policy/base/utf8.h"
#include "policy/document/decode.h"
#include "policy/document/diagnostic.h"

/* The layout of every LIST_OF in documents.h, whatever its items. */
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

#endif
