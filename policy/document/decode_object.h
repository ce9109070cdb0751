/* decode_object: decodes lists, maps and objects by the rows of the schema, and sets defaults. */
#ifndef POLICY_DOCUMENT_DECODE_OBJECT_H
#define POLICY_DOCUMENT_DECODE_OBJECT_H

#include "policy/document/decode_task.h"

/*
 * Sets every field of the struct to its default. `at` becomes the location of values that the file
 * does not contain.
 */
void decode_defaults(struct decoder *decoder, const struct schema_object *object, void *base, struct location at);

/* Decodes a map into the struct at `base`. Missing keys are reported at `at`. */
void decode_object(struct decoder *decoder, const struct schema_object *object, const struct node *map, void *base,
		   struct location at);

/* Reports once that memory is exhausted. */
void decode_exhausted(struct decoder *decoder);

#endif
