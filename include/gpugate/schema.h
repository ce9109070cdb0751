/*
 * schema: the JSON Schema of the policy documents, for editors and pipelines. It is made from the
 * tables that the parser follows, so it cannot say anything else. It says what one document may
 * contain; what several documents must have in common only `gpugate lint` knows. Thread-safe.
 */
#ifndef GPUGATE_SCHEMA_H
#define GPUGATE_SCHEMA_H

#include "gpugate/buf.h"
#include "gpugate/error.h"

/* The maximum size of a schema, in bytes: the maximum of the buffer. */
#define SCHEMA_BYTES_MAX ((size_t)1 << 20)

/*
 * Appends the JSON Schema (draft 2020-12) of the documents of a kind, such as "Tenant", and a
 * newline. If `kind` is NULL, the schema is that of every policy document, of whatever kind.
 * Returns -1 and sets the error if there is no such kind, with a suggestion, or if memory is
 * exhausted.
 */
int schema_print(const char *kind, struct buf *out, struct error *err);

#endif
