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
	bool plain; /* A scalar without quotes. Only these can be numbers, booleans or null. */
	bool flow;  /* A list or map in brackets or braces (flow style). */
	bool bad;   /* Already reported; nothing more is reported about it. */
	struct location at;
	struct str text; /* Of a scalar. */
	/* Of a list: its first item. Of a map: its first key. In the order of the file. */
	struct node *first;
	struct node *next;  /* The next item or key. */
	struct node *value; /* Of a key. */
	uint32_t count;     /* Number of items or keys. */
};

/* Returns the key of a map, or NULL. Anything else than a map has no keys. */
const struct node *node_find(const struct node *map, struct str key);

/* The same for a program that finds the key in any case. */
const struct node *node_find_any_case(const struct node *map, struct str key);

/* Whether two words differ in nothing but case. */
bool node_eq_any_case(struct str a, struct str b);

/* Whether the node is a plain scalar that is YAML's null: nothing, ~ or null. */
bool node_is_null(const struct node *node);

/*
 * Whether YAML parsers read the node, a plain scalar, as a boolean, a number or null, so that as a
 * string it would need quotes.
 */
bool node_needs_quotes(const struct node *node);

/*
 * Describes a node for messages, as in "a list", "a map" or "the number 4". Returns a constant, or
 * `buffer` after writing to it.
 */
const char *node_describe(const struct node *node, char *buffer, size_t size);

#endif
