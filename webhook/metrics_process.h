/*
 * metrics_process: what Prometheus clients by convention tell of their own process. Linux's /proc is the source; what it
 * does not tell is left out. Thread-safe.
 */
#ifndef GPUGATE_METRICS_PROCESS_H
#define GPUGATE_METRICS_PROCESS_H

#include "gpugate/buf.h"

/* Appends the families process_cpu_seconds_total, process_resident_memory_bytes and so on. */
void metrics_process_render(struct buf *out);

#endif
