/*
 * decode_value: what stands between a document and its words: objects, lists and scalars, by the schema's rows.
 */
#ifndef POLICY_DECODE_VALUE_H
#define POLICY_DECODE_VALUE_H

#include "policy/decode.h"
#include "policy/utf8.h"

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

/* Gives every field of the struct its default. `at` stands for the place of what is not written. */
void decode_defaults(struct decoder *decoder, const struct schema_object *object, void *base, struct place at);

/* Decodes a map into the struct at `base`. Missing keys are reported at `at`. */
void decode_object(struct decoder *decoder, const struct schema_object *object, const struct node *map, void *base,
		   struct place at);

/* Reports, once, that there is no memory. */
void decode_exhausted(struct decoder *decoder);

#endif
