/*
 * decode: decodes trees of YAML nodes into the structs of documents.h, as the tables in schema_*.c
 * describe. Problems go to the report. The valid parts of a faulty document are kept, so that they
 * cause no further findings.
 */
#ifndef POLICY_DOCUMENT_DECODE_H
#define POLICY_DOCUMENT_DECODE_H

#include "policy/document/node.h"
#include "policy/document/schema.h"

/* Documents of one kind on the heap, while their number is not known. */
struct document_list {
	char *items;
	size_t count;
	size_t capacity;
};

struct decoder {
	struct docs *docs; /* `sources` is already set; decode_finish fills the lists. */
	struct arena *arena;
	struct report *report;
	struct document_list document_lists[KINDS];
	bool exhausted; /* Memory is exhausted, which has been reported. */
};

/*
 * Decodes one document. The strings of the tree must live as long as the decoder's arena; the nodes
 * need not.
 */
void decode_document(struct decoder *decoder, const struct node *root);

/*
 * Moves the documents into decoder->docs, checks that names are unique and that there is at most
 * one Settings document, and frees the decoder's heap memory.
 */
void decode_finish(struct decoder *decoder);

#endif
