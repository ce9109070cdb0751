/* output_json: prints a jansson tree as the output of a command. */
#ifndef WEBHOOK_CLI_OUTPUT_JSON_H
#define WEBHOOK_CLI_OUTPUT_JSON_H

#include <jansson.h>

#include "gpugate/buf.h"

/*
 * Appends the value, indented and with a newline at its end, and releases it. NULL, which is what
 * jansson returns without memory, sets `out->failed`. Thread-safe for different values.
 */
void output_json(json_t *value, struct buf *out);

#endif
