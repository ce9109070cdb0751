/*
 * yaml: writes a jansson tree as readable YAML, in block style and with multi-line strings as
 * literal blocks.
 */
#ifndef WEBHOOK_JSON_YAML_H
#define WEBHOOK_JSON_YAML_H

#include <jansson.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/str.h"

/*
 * Appends each document of the array `documents`, with `---` before it. Keys keep their order.
 * Strings that a YAML reader could take for another type are quoted. Returns 0, or -1 with an error
 * if there is no memory or `out` is full.
 */
int yaml_write(struct buf *out, const json_t *documents, struct error *err);

/*
 * Appends a string as a scalar for text that the caller writes itself, also within [] and {}: plain
 * where a YAML reader takes it for the same string, otherwise in double quotes, as JSON writes it.
 */
void yaml_scalar(struct buf *out, struct str text);

#endif
