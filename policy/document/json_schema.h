/*
 * json_schema: what the files that print the JSON Schema of policy documents share, beyond
 * gpugate/schema_writer.h. Ownership and failures are as there.
 */
#ifndef POLICY_DOCUMENT_JSON_SCHEMA_H
#define POLICY_DOCUMENT_JSON_SCHEMA_H

#include "gpugate/schema_writer.h"
#include "policy/document/schema.h"

/* The maximum size of a definition's name, of an $id and of a reference. */
#define SCHEMA_NAME_BYTES 128

/* Writes the name with hyphens instead of spaces, as in "label-selector". */
void schema_definition_name(const char *name, char *out, size_t size);

/* Returns a reference to a definition. */
json_t *schema_new_reference(struct schema_writer *writer, const char *name);

/* Returns a reference to the definition of a form's strings. Adds the definition if needed. */
json_t *schema_refer_to_form(struct schema_writer *writer, enum text_form form);

/* Returns a schema for an object with these keys. */
json_t *schema_new_object(struct schema_writer *writer, const struct schema_object *object);

#endif
