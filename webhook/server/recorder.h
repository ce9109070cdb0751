/*
 * recorder: writes the reviews that the server decides, and its answers, to files of JSON Lines
 * (`serve --record`). docs/recording.md describes them.
 *
 * Recording never delays a decision: a review is copied to a bounded queue, and a thread redacts it
 * and writes it. If the queue is full, the review is not recorded, and counted as dropped. If a
 * file cannot be written, reviews are counted as failed until it can.
 */
#ifndef WEBHOOK_SERVER_RECORDER_H
#define WEBHOOK_SERVER_RECORDER_H

#include "webhook/base/log.h"
#include "webhook/metrics/metric.h"
#include "webhook/server/recorded_review.h"

/* The sizes that the folder may be limited to, in bytes. */
#define RECORDER_BYTES_MIN (INT64_C(1) << 20)
#define RECORDER_BYTES_MAX (INT64_C(1) << 40)
#define RECORDER_BYTES_DEFAULT "100Mi"

/* Maximum memory of the reviews that wait for the writer. */
#define RECORDER_QUEUE_BYTES ((size_t)16 << 20)

struct recorder_options {
	const char *folder; /* Must exist. */
	uint64_t max_bytes; /* Of all files together. */
	unsigned retry_ms;  /* Pause after a failed write. 0: RECORDER_RETRY_MS. */
	/* Maximum time to write the queue at the end. 0: RECORDER_GIVE_UP_MS. */
	unsigned give_up_ms;
	struct log *log;
};

#define RECORDER_RETRY_MS 5000
#define RECORDER_GIVE_UP_MS 2000

struct recorder;

/*
 * Opens the folder and starts the thread. Returns new, or NULL with an error that says what to do.
 * Borrows the folder's name and the log.
 */
struct recorder *recorder_create(const struct recorder_options *options, struct error *err);

/*
 * Writes the queue, stops the thread, and frees. Gives up the rest of the queue after the time in
 * the options, except that a write which has begun cannot be interrupted. No other thread may use
 * the recorder any more. Takes NULL.
 */
void recorder_destroy(struct recorder *recorder);

/* Records a review. Copies everything, never waits for I/O. Thread-safe. Accepts NULL. */
void recorder_note(struct recorder *recorder, const struct review_source *source);

extern const struct metric_set recorder_metrics;

/* Appends the families. `recorder` is the struct recorder. Thread-safe. */
void recorder_metrics_render(void *recorder, struct buf *out);

#endif
