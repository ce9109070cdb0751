/*
 * log: writes one JSON object per line. Logging never waits for I/O: a line goes into a bounded
 * ring, and a separate thread writes the ring out. If the reader is so slow that the ring fills up,
 * lines are dropped and counted. The count is logged as soon as there is room again. Callers must
 * not log object bodies or keys.
 */
#ifndef WEBHOOK_BASE_LOG_H
#define WEBHOOK_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

/* Maximum bytes of one field's text. Longer text is truncated and ends in "…". */
#define LOG_TEXT_MAX 4096
#define LOG_RING_BYTES (256 << 10) /* Maximum bytes of lines that wait for the writer. */

enum log_level { LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key; /* A JSON key that needs no escaping. NULL: the field is omitted. */
	struct str text; /* If absent, the field is omitted. */
	/*
	 * `text` is JSON already, such as a number. If longer than LOG_TEXT_MAX, the field is
	 * omitted.
	 */
	bool raw;
};

struct log;

/*
 * Returns new and starts the writer thread. Borrows `fd`. Returns NULL with an error without memory
 * or if the thread cannot be started.
 */
struct log *log_create(int fd, struct error *err);

/*
 * Writes out the ring, stops the thread, and frees the log. If the reader does not read, it gives
 * up after about 2 seconds. No other thread may use the log any more. Accepts NULL.
 */
void log_destroy(struct log *log);

/*
 * Logs one line:
 *
 *     {"time":"2026-11-23T21:40:37.123Z","level":"info","event":"EVENT",FIELDS}
 *
 * Copies everything. Never blocks on I/O. Thread-safe. Does nothing if `log` is NULL.
 */
void log_event(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* Number of lines dropped since the start; 0 if `log` is NULL. Thread-safe. */
uint64_t log_dropped(const struct log *log);

/* Formats a number into `storage` and returns it as a raw field, which borrows `storage`. */
struct log_field log_number(const char *key, int64_t value, char storage[static 24]);

#endif
