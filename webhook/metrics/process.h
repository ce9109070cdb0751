/*
 * metrics_process: what Prometheus clients by convention tell of their own process. Linux's /proc is the source; what it
 * does not tell is left out. Thread-safe.
 */
#ifndef WEBHOOK_METRICS_PROCESS_H
#define WEBHOOK_METRICS_PROCESS_H

#include "gpugate/buf.h"

/*
 * When the process was started, in seconds since the Unix epoch; negative: unknown. To be asked once: clocks are compared for it, and
 * two answers may differ a little, which whoever counts restarts would take for one.
 */
double metrics_process_started(void);

/* Appends the families process_cpu_seconds_total, process_resident_memory_bytes and so on. */
void metrics_process_render(double started, struct buf *out);

#endif
