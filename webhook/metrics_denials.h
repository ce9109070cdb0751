/*
 * metrics_denials: how often each (tenant, reason, name) was refused. Grows to a bound, then counts the rest together.
 * Thread-safe by a mutex of its own.
 */
#ifndef GPUGATE_METRICS_DENIALS_H
#define GPUGATE_METRICS_DENIALS_H

#include <pthread.h>
#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/str.h"

struct denial;

struct metrics_denials {
	pthread_mutex_t mutex;
	struct denial **items; /* in the order of their first occurrence */
	uint32_t count, size;
	uint32_t *slots; /* hash table: index into items + 1, 0 is free */
	uint32_t slot_count;
	uint64_t uncounted; /* without memory */
};

void metrics_denials_init(struct metrics_denials *denials);
void metrics_denials_release(struct metrics_denials *denials);
void metrics_denials_count(struct metrics_denials *denials, struct str tenant, struct str reason, struct str name);

/* Appends the family gpugate_denials_total. */
void metrics_denials_render(struct metrics_denials *denials, struct buf *out);

#endif
