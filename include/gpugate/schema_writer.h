/*
 * schema_writer: parts of a JSON Schema. Functions that return a json_t return a new one, or NULL
 * if memory is exhausted. Functions that add a value take it; if it is NULL, they record the
 * failure in the writer.
 */
#ifndef GPUGATE_SCHEMA_WRITER_H
#define GPUGATE_SCHEMA_WRITER_H

#include <jansson.h>

#include "gpugate/str.h"

struct schema_writer {
	json_t *definitions; /* Of the schema's $defs; borrowed. */
	bool failed;         /* Memory was exhausted; the schema is incomplete. */
};

void schema_put(struct schema_writer *writer, json_t *object, const char *key, json_t *value);
void schema_append(struct schema_writer *writer, json_t *array, json_t *value);

/* Adds the members of an object. Members that are already there stay as they are. */
void schema_put_all(struct schema_writer *writer, json_t *object, json_t *members);

json_t *schema_new_text(struct str s);

/* Returns a schema for values of a type, such as "object". */
json_t *schema_new_type(struct schema_writer *writer, const char *type);

/* Returns a schema that is satisfied if either of two schemas is. Takes both. */
json_t *schema_new_either(struct schema_writer *writer, json_t *one, json_t *other);

/*
 * Returns a reference to the definition of amounts, which are not negative. Adds the definition if
 * needed. YAML reads 4 and 6.5 as numbers, and 320Gi as a string. `minimum` and `maximum` do not
 * apply to strings, and `pattern` does not apply to numbers.
 */
json_t *schema_refer_to_quantity(struct schema_writer *writer, bool positive);

#endif
