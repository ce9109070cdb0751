/*
 * text: helpers for rendering metric families in the Prometheus text format. Thread-safe: they keep
 * no state.
 */
#ifndef WEBHOOK_METRICS_TEXT_H
#define WEBHOOK_METRICS_TEXT_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

/* Appends a label value, quoted and escaped. `value` must be UTF-8. */
void metrics_label(struct buf *out, struct str value);

/*
 * Appends the HELP and TYPE lines of a family. `type` is "counter", "gauge" or "histogram". `help`
 * must not contain a newline or a backslash, because it is not escaped.
 */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);

#endif
