/*
 * registry: prints all metrics of the process. Each part of the program attaches its set of
 * families (metric.h) together with the function that prints them.
 */
#ifndef WEBHOOK_METRICS_REGISTRY_H
#define WEBHOOK_METRICS_REGISTRY_H

#include "gpugate/error.h"
#include "webhook/metrics/metric.h"

struct metrics;

/*
 * Returns new, or NULL with an error if there is not enough memory. `sets` are all sets that may be
 * attached, each at most once; the array is borrowed. They are printed in this order.
 */
struct metrics *metrics_create(const struct metric_set *const *sets, size_t count, struct error *err);

/* No other thread may use the metrics any more. Takes NULL. */
void metrics_destroy(struct metrics *metrics);

/*
 * Attaches a set. `render` appends its families and no others, on the thread of metrics_render and
 * under no lock. Borrows `context`. Returns 0, or -1 with an error if the set is not one of `sets`,
 * because then the reference page would lack it, or if it is attached already. Not thread-safe:
 * attach all sets before the first call of metrics_render.
 */
int metrics_attach(struct metrics *metrics, const struct metric_set *set,
		   void (*render)(void *context, struct buf *out), void *context, struct error *err);

/* Appends the families of all attached sets. Thread-safe. */
void metrics_render(const struct metrics *metrics, struct buf *out);

#endif
