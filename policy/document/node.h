/* node: a value of a YAML document, with its location. */
#ifndef POLICY_DOCUMENT_NODE_H
#define POLICY_DOCUMENT_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "gpugate/str.h"
#include "policy/document/location.h"

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

/* Whether a plain scalar is YAML's null: nothing, ~ or null. */
bool node_is_null(const struct node *node);

/* Whether a plain scalar is a boolean, number or null to YAML readers, so that a string must be written with quotes. */
bool node_needs_quotes(const struct node *node);

/* What a node is, for messages: "a list", "a map", "the number 4", ...; written to `buffer` where words do not do. */
const char *node_describe(const struct node *node, char *buffer, size_t size);

#endif
