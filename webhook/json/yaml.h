/* yaml: a tree of jansson as YAML that people can read: block style, texts of several lines as they are. */
#ifndef WEBHOOK_JSON_YAML_H
#define WEBHOOK_JSON_YAML_H

#include <jansson.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

/*
 * Appends each of the documents (an array), with `---` before it. Texts that a YAML reader could take for something else are
 * quoted. Keys keep their order. Fails without memory, or when `out` is full.
 */
int yaml_write(struct buf *out, const json_t *documents, struct error *err);

#endif
