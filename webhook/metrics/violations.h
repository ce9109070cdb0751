/*
 * violations: a counter family of policy violations with the labels (tenant, reason, name). The
 * number of series is bounded. Counting and rendering are thread-safe; the struct has its own
 * mutex.
 */
#ifndef WEBHOOK_METRICS_VIOLATIONS_H
#define WEBHOOK_METRICS_VIOLATIONS_H

#include <pthread.h>

#include "gpugate/hash_map.h"
#include "webhook/metrics/metric.h"

/*
 * Maximum of different (tenant, reason, name) series. Later ones are counted with tenant "other"
 * and an empty name, so that clients cannot exhaust memory.
 */
#define METRICS_DENIALS_MAX 4096

/* For the row of such a family. */
#define METRICS_DENIALS_LABELS                                                                                         \
	{                                                                                                              \
		{.name = "tenant"}, {.name = "reason"},                                                                \
		{                                                                                                      \
			.name = "name"                                                                                 \
		}                                                                                                      \
	}

struct denial;

struct metrics_denials {
	const struct metric *metric;
	pthread_mutex_t mutex;
	struct denial **items; /* In the order of their first occurrence. */
	size_t count, size;    /* Used and allocated items. */
	struct hash_map map;   /* The same items by their labels. */
};

/*
 * Initializes an empty family, whose row has METRICS_DENIALS_LABELS. Borrows the row until
 * metrics_denials_release.
 */
void metrics_denials_init(struct metrics_denials *denials, const struct metric *metric);
void metrics_denials_release(struct metrics_denials *denials);

/* Increments one counter. Copies the labels, each truncated to 253 bytes. Thread-safe. */
void metrics_denials_count(struct metrics_denials *denials, struct str tenant, struct str reason, struct str name);

/* Appends the family. Thread-safe. */
void metrics_denials_render(struct metrics_denials *denials, struct buf *out);

#endif
