/* metrics_label: text of the Prometheus format that everyone who renders families needs. Thread-safe: holds no state. */
#ifndef GPUGATE_METRICS_LABEL_H
#define GPUGATE_METRICS_LABEL_H

#include "gpugate/buf.h"
#include "gpugate/str.h"

/* Appends a label's value in quotes, escaped. `value` has to be UTF-8. */
void metrics_label(struct buf *out, struct str value);

/* Appends the two lines that begin a family. `type` is "counter", "gauge" or "histogram". */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);

#endif
