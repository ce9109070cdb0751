/* metrics_label: text of the Prometheus format that everyone who renders families needs. Thread-safe: holds no state. */
#ifndef WEBHOOK_METRICS_TEXT_H
#define WEBHOOK_METRICS_TEXT_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

/* Appends a label's value in quotes, escaped. `value` has to be UTF-8. */
void metrics_label(struct buf *out, struct str value);

/* Appends the two lines that begin a family. `type` is "counter", "gauge" or "histogram". */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);

#endif
