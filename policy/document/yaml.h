/*
 * yaml: a file's YAML documents as trees of positioned nodes. The subset that policy needs: no anchors, aliases, tags
 * or merge keys, nesting at most 32 deep, keys are words and are given once.
 */
#ifndef POLICY_DOCUMENT_YAML_H
#define POLICY_DOCUMENT_YAML_H

#include "policy/document/documents.h"
#include "policy/document/node.h"

#define TREE_DEPTH_MAX 32

struct tree_reader;

/* Starts to read the source of that index. Returns new, or NULL without memory. `docs` and `report` are borrowed. */
struct tree_reader *tree_open(const struct docs *docs, uint32_t source, struct report *report);
void tree_close(struct tree_reader *reader);

/*
 * The root of the next document, or NULL at the end of the file and where it cannot be read on (reported). Nodes live
 * in `nodes`; texts borrow from the source or are copied to `texts`. An empty document is a plain scalar of no text.
 */
struct node *tree_next(struct tree_reader *reader, struct arena *nodes, struct arena *texts);

#endif
