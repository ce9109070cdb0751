/*
 * yaml: a file's YAML documents as trees of positioned nodes. The subset that policy needs: no anchors, aliases, tags or
 * merge keys, nesting at most 32 deep, keys are words and are given once.
 */
#ifndef POLICY_DOCUMENT_YAML_H
#define POLICY_DOCUMENT_YAML_H

#include "policy/document/documents.h"

#define TREE_DEPTH_MAX 32

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_type type;
	bool plain; /* a scalar without quotes: the only ones that can be numbers, booleans or null */
	bool flow;  /* a list or map in brackets */
	bool bad;   /* already reported: nothing more is to be said about it */
	struct place at;
	struct str text;    /* of a scalar */
	struct node *first; /* of a list: its items; of a map: its keys, in the order of the file */
	struct node *next;  /* the next item or key */
	struct node *value; /* of a key */
	uint32_t count;     /* items or keys */
};

struct tree_reader;

/* Starts to read the source of that index. Returns new, or NULL without memory. `docs` and `report` are borrowed. */
struct tree_reader *tree_open(const struct docs *docs, uint32_t source, struct report *report);
void tree_close(struct tree_reader *reader);

/*
 * The root of the next document, or NULL at the end of the file and where it cannot be read on (reported). Nodes live in
 * `nodes`; texts borrow from the source or are copied to `texts`. An empty document is a plain scalar of no text.
 */
struct node *tree_next(struct tree_reader *reader, struct arena *nodes, struct arena *texts);

/* Whether a plain scalar is YAML's null: nothing, ~ or null. */
bool node_is_null(const struct node *node);

/* Whether a plain scalar is a boolean, number or null to YAML readers, so that a string must be written with quotes. */
bool node_needs_quotes(const struct node *node);

/* What a node is, for messages: "a list", "a map", "the number 4", ...; written to `buffer` where words do not do. */
const char *node_describe(const struct node *node, char *buffer, size_t size);

#endif
