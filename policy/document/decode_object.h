/* decode_object: lists, maps and objects, by the rows of the schema, and the defaults of their fields. */
#ifndef POLICY_DOCUMENT_DECODE_OBJECT_H
#define POLICY_DOCUMENT_DECODE_OBJECT_H

#include "policy/document/decode_task.h"

/* Gives every field of the struct its default. `at` stands for the place of what is not written. */
void decode_defaults(struct decoder *decoder, const struct schema_object *object, void *base, struct place at);

/* Decodes a map into the struct at `base`. Missing keys are reported at `at`. */
void decode_object(struct decoder *decoder, const struct schema_object *object, const struct node *map, void *base,
		   struct place at);

/* Reports, once, that there is no memory. */
void decode_exhausted(struct decoder *decoder);

#endif
