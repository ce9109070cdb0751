/*
 * schema: the JSON Schema of the documents that people write, for editors and pipelines. It is
 * generated from the tables that the parsers use, so that they agree. It describes what one
 * document may contain; only `gpugate lint` checks how documents relate to each other. Thread-safe.
 */
#ifndef GPUGATE_SCHEMA_H
#define GPUGATE_SCHEMA_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/schema_writer.h"

/* The maximum size of a schema in bytes, for the maximum of the buffer. */
#define SCHEMA_BYTES_MAX ((size_t)1 << 20)

/* A kind of document. That of a policy document has a table in policy/document. */
struct schema_source {
	struct str kind, api_version;
	const char *doc; /* What documents of the kind are for, in a complete sentence. */
	/* Returns a new schema, with apiVersion and kind among its properties. */
	json_t *(*print)(struct schema_writer *writer);
};

/*
 * Appends the JSON Schema (draft 2020-12) for documents of a kind, such as "Tenant", and a newline.
 * If `kind` is NULL, the schema is for documents of any kind: policy documents, and the one that
 * `other` describes. `other` may be NULL. Returns 0, or -1 with an error if there is no such kind
 * (with a suggestion) or memory is exhausted.
 */
int schema_print(const char *kind, const struct schema_source *other, struct buf *out, struct error *err);

#endif
