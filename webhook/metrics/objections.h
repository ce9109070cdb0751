/*
 * objections: a counter family of policy violations with the labels (tenant, reason, name). The
 * number of series is bounded: see METRICS_DENIALS_MAX in webhook/metrics/registry.h. Counting and
 * rendering are thread-safe; the struct has its own mutex.
 */
#ifndef WEBHOOK_METRICS_OBJECTIONS_H
#define WEBHOOK_METRICS_OBJECTIONS_H

#include <pthread.h>
#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/hash_map.h"
#include "gpugate/str.h"

struct denial;

struct metrics_denials {
	const char *family, *help;
	pthread_mutex_t mutex;
	struct denial **items; /* In the order of their first occurrence. */
	size_t count, size;    /* Used and allocated items. */
	struct hash_map map;   /* The same items by their labels. */
};

/* Initializes an empty family. Borrows `family` and `help` until metrics_denials_release. */
void metrics_denials_init(struct metrics_denials *denials, const char *family, const char *help);
void metrics_denials_release(struct metrics_denials *denials);

/* Increments one counter. Copies the labels, each truncated to 253 bytes. Thread-safe. */
void metrics_denials_count(struct metrics_denials *denials, struct str tenant, struct str reason, struct str name);

/* Appends the family in the Prometheus text format. Thread-safe. */
void metrics_denials_render(struct metrics_denials *denials, struct buf *out);

#endif
