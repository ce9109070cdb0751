/*
 * schema: the JSON Schema of the policy documents, for editors and pipelines. It is generated from
 * the tables that the parser uses, so the two always agree. It describes what one document may
 * contain; only `gpugate lint` checks how documents relate to each other. Thread-safe.
 */
#ifndef GPUGATE_SCHEMA_H
#define GPUGATE_SCHEMA_H

#include "gpugate/buf.h"
#include "gpugate/error.h"

/* The maximum size of a schema in bytes, for the maximum of the buffer. */
#define SCHEMA_BYTES_MAX ((size_t)1 << 20)

/*
 * Appends the JSON Schema (draft 2020-12) for documents of a kind, such as "Tenant", and a newline.
 * If `kind` is NULL, the schema is for policy documents of any kind. Returns 0, or -1 with an error
 * if there is no such kind (with a suggestion) or memory is exhausted.
 */
int schema_print(const char *kind, struct buf *out, struct error *err);

#endif
