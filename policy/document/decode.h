/*
 * decode: trees of YAML nodes -> the structs of documents.h, as the tables in schema_*.c say. Problems go to the
 * report; a document with problems is kept as far as it was understood, so that later findings do not follow from it.
 */
#ifndef POLICY_DOCUMENT_DECODE_H
#define POLICY_DOCUMENT_DECODE_H

#include "policy/document/node.h"
#include "policy/document/schema.h"

/* The documents of one kind while their number is not known; on the heap. */
struct pile {
	char *items;
	size_t count;
	size_t capacity;
};

struct decoder {
	struct docs *docs; /* `sources` are there; the lists are filled by decode_finish */
	struct arena *arena;
	struct report *report;
	struct pile piles[KINDS];
	bool exhausted; /* no memory: reported */
};

/* Decodes one document. Its texts must live as long as the decoder's arena; the tree itself need not. */
void decode_document(struct decoder *decoder, const struct node *root);

/* Moves the documents into decoder->docs, checks that names are unique, and frees what the decoder holds. */
void decode_finish(struct decoder *decoder);

#endif
