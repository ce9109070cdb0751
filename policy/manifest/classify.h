/* classify: what kinds of documents a file has. */
#ifndef POLICY_MANIFEST_CLASSIFY_H
#define POLICY_MANIFEST_CLASSIFY_H

#include "policy/document/documents.h"
#include "policy/document/node.h"

/* Bits of what a file has. */
enum file_class {
	FILE_OTHER = 0,
	FILE_MANIFEST = 1,  /* An object of Kubernetes, other than a Namespace. */
	FILE_NAMESPACE = 2, /* Part of a policy, or a manifest. */
	FILE_POLICY = 4,    /* A document that `gpugate serve` reads, perhaps misspelled. */
	FILE_TEMPLATE = 8,  /* It is no YAML, but a template for it. */
	FILE_SUITE = 16,    /* Tests of a policy, which `gpugate test` reads. */
	FILE_SCALES = 32,   /* It may have an autoscaler: it has the name of such a kind. */
	FILE_CHARTS = 64,   /* It wants the GPU Operator's chart, and is no object of Kubernetes. */
};

/*
 * Reads a whole file into `bytes`, which the caller releases also after a failure. Returns 0, or -1
 * with errno; EFBIG if the file is larger than MANIFESTS_FILE_BYTES_MAX.
 */
int classify_read(const char *path, struct buf *bytes);

/* Returns what one document is. */
enum file_class classify_document(const struct node *root);

/* Returns the classes of all documents in the bytes of a file. Both arenas are reset. */
unsigned classify_bytes(struct str bytes, struct arena *nodes, struct arena *texts);

/*
 * Prepares a source for tree_open: splits its lines, and finds bytes that are not UTF-8, which it
 * reports. Returns whether it can be read. `docs` has one source from then on.
 */
bool classify_open(const char *path, struct str bytes, struct arena *arena, struct docs *docs, struct report *report);

#endif
