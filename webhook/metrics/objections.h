/*
 * metrics_denials: how often something was held against Pods, by (tenant, reason, name): one family of counters. Grows to a bound, then counts the rest together.
 * Thread-safe by a mutex of its own.
 */
#ifndef WEBHOOK_METRICS_OBJECTIONS_H
#define WEBHOOK_METRICS_OBJECTIONS_H

#include <pthread.h>
#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/str.h"

struct denial;

struct metrics_denials {
	const char *family, *help;
	pthread_mutex_t mutex;
	struct denial **items; /* in the order of their first occurrence */
	uint32_t count, size;
	uint32_t *slots; /* hash table: index into items + 1, 0 is free */
	uint32_t slot_count;
	uint64_t uncounted; /* without memory */
};

/* Borrows both texts. */
void metrics_denials_init(struct metrics_denials *denials, const char *family, const char *help);
void metrics_denials_release(struct metrics_denials *denials);
void metrics_denials_count(struct metrics_denials *denials, struct str tenant, struct str reason, struct str name);

/* Appends the family. */
void metrics_denials_render(struct metrics_denials *denials, struct buf *out);

#endif
