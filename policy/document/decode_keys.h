/* decode_keys: the keys of an object, and suggestions for unknown keys. */
#ifndef POLICY_DOCUMENT_DECODE_KEYS_H
#define POLICY_DOCUMENT_DECODE_KEYS_H

#include "policy/document/decode_task.h"

/* Returns the field with that key, or NULL. */
const struct schema_field *decode_report_field(const struct schema_object *object, struct str key);

/*
 * Writes the object's keys to `buffer`, as in "namespaces, users and groups", and returns `buffer`.
 */
const char *decode_join_keys(const struct schema_object *object, char *buffer, size_t size);

/*
 * Reports a key that the object does not have. Returns the field that was probably meant, or NULL.
 * `before` is the preceding key of the map, or NULL.
 */
const struct schema_field *decode_unknown_key(struct decoder *decoder, const struct schema_object *object,
					      const struct node *before, const struct node *key);

/* Warns about a key of a foreign object that is nearly one of its fields. */
void decode_near_key(struct decoder *decoder, const struct schema_object *object, const struct node *key);

#endif
