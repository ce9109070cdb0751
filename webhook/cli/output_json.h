/* output_json: prints a jansson tree as the output of a command. */
#ifndef WEBHOOK_CLI_OUTPUT_JSON_H
#define WEBHOOK_CLI_OUTPUT_JSON_H

#include <jansson.h>

#include "gpugate/buf.h"
#include "gpugate/str.h"

/*
 * Appends the value, indented and with a newline at its end, and releases it. NULL, which is what
 * jansson returns without memory, sets `out->failed`. Thread-safe for different values.
 */
void output_json(json_t *value, struct buf *out);

/* Returns a new string. Fails (NULL) if the text is not UTF-8; texts of a report are. */
json_t *output_json_text(struct str text);

#endif
