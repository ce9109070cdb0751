/* decode_task: definitions that the files of the decoder share. */
#ifndef POLICY_DOCUMENT_DECODE_TASK_H
#define POLICY_DOCUMENT_DECODE_TASK_H

#include "policy/base/utf8.h"
#include "policy/document/decode.h"
#include "policy/document/diagnostic.h"

/* The common layout of every LIST_OF in documents.h, whatever the type of its items. */
struct decode_list {
	void *items;
	uint32_t count;
	bool set;
	struct location at;
};

#define DECODE_REPORT(decoder, at, ...)                                                                                \
	docs_report((decoder)->report, (decoder)->docs, SEVERITY_ERROR, (at), __VA_ARGS__)

/* Arguments for "%.*s". Limits the length of a string that a message quotes. */
#define SHOWN(s) STR_ARG(utf8_head((s), 80))

/* Input of a decoding function: a row of the schema, and where the value goes. */
struct decode_task {
	struct decoder *decoder;
	const struct schema_field *field;
	const struct node *key; /* The field's key in the file. */
	char *base;             /* The struct that contains the value. */
};

static inline void *decode_slot(const struct decode_task *task)
{
	return task->base + task->field->offset;
}

#endif
