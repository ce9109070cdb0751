/*
 * yaml: reads the YAML documents of a file as trees of nodes with locations. It supports the subset
 * that policies need: no anchors, aliases, tags or merge keys, at most 32 levels of nesting, and
 * only scalar keys, each given once.
 */
#ifndef POLICY_DOCUMENT_YAML_H
#define POLICY_DOCUMENT_YAML_H

#include "policy/document/documents.h"
#include "policy/document/node.h"

#define TREE_DEPTH_MAX 32
#define TREE_LENIENT_DEPTH_MAX 100

struct tree_reader;

/*
 * Starts to read the source with that index. Returns new, or NULL if memory is exhausted. Borrows
 * `docs` and `report` until tree_close.
 */
struct tree_reader *tree_open(const struct docs *docs, uint32_t source, struct report *report);

/*
 * Like tree_open, for files of other programs, which may use all of YAML. Only what cannot be
 * parsed, and what is nested deeper than TREE_LENIENT_DEPTH_MAX, is reported. An alias is an empty
 * scalar that is `bad`, and so is a value with a tag. Merge keys, keys that are no scalars, and all
 * but the first of equal keys are dropped.
 */
struct tree_reader *tree_open_lenient(const struct docs *docs, uint32_t source, struct report *report);

/*
 * Like tree_open, for YAML that is written as a block of lines inside another YAML document. Reads
 * the lines from `first` up to, but not including, `end`, counted from 1. All locations are in the
 * whole file. Copies the source to `copy`.
 */
struct tree_reader *tree_open_lines(const struct docs *docs, uint32_t source, uint32_t first, uint32_t end,
				    struct arena *copy, struct report *report);
void tree_close(struct tree_reader *reader);

/*
 * Returns the root of the next document, or NULL at the end of the file or if nothing more can be
 * read (reported). The nodes belong to `nodes`. Their texts borrow from the source or are copied to
 * `texts`. The root of an empty document is a plain scalar without text.
 */
struct node *tree_next(struct tree_reader *reader, struct arena *nodes, struct arena *texts);

/*
 * Whether the document that tree_next returned last has more than its tree, because it uses parts
 * of YAML that are not read. What is missing in the tree may then be in the document.
 */
bool tree_has_gaps(const struct tree_reader *reader);

/*
 * Reads to the end and closes the reader, which may be NULL. Returns the root of the only document
 * if it is a map, and otherwise NULL. What cannot be read is in the reader's report.
 */
const struct node *tree_only_map(struct tree_reader *reader, struct arena *nodes, struct arena *texts);

#endif
