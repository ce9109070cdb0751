#include "webhook/metrics/registry.h"

#include <stdlib.h>

struct metrics {
	const struct metric_set *const *sets;
	size_t count;
	struct attached {
		void (*render)(void *context, struct buf *out); /* NULL: the set is not attached. */
		void *context;
	} attached[];
};

struct metrics *metrics_create(const struct metric_set *const *sets, size_t count, struct error *err)
{
	struct metrics *metrics = calloc(1, sizeof *metrics + count * sizeof metrics->attached[0]);
	if (!metrics) {
		error_set(err, "not enough memory for the metrics");
		return NULL;
	}
	metrics->sets = sets;
	metrics->count = count;
	return metrics;
}

void metrics_destroy(struct metrics *metrics)
{
	free(metrics);
}

int metrics_attach(struct metrics *metrics, const struct metric_set *set,
		   void (*render)(void *context, struct buf *out), void *context, struct error *err)
{
	size_t i = 0;
	while (i < metrics->count && metrics->sets[i] != set)
		i++;
	if (i == metrics->count)
		return error_set(err, "the metrics \"%s\" are not in the list of all sets; add them to it", set->title);
	if (metrics->attached[i].render)
		return error_set(err, "the metrics \"%s\" are attached already", set->title);
	metrics->attached[i] = (struct attached){render, context};
	return 0;
}

void metrics_render(const struct metrics *metrics, struct buf *out)
{
	for (size_t i = 0; i < metrics->count; i++)
		if (metrics->attached[i].render)
			metrics->attached[i].render(metrics->attached[i].context, out);
}
