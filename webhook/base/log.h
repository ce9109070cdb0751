/*
 * log: one JSON object per line. Writing a line never waits for I/O: it is put into a bounded ring, and a thread of the
 * log's own writes the ring out. When the reader of the descriptor is so slow that the ring fills up, lines are dropped
 * and counted, and the count is logged as soon as there is room again. What is logged never holds bodies or keys.
 */
#ifndef WEBHOOK_BASE_LOG_H
#define WEBHOOK_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

#define LOG_TEXT_MAX 4096          /* bytes of one field's text; what is longer is cut and ends in "…" */
#define LOG_RING_BYTES (256 << 10) /* lines that wait for the writer */

enum log_level { LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key; /* a plain JSON key; NULL: the field is left out */
	struct str text; /* absent: the field is left out */
	bool raw; /* `text` is JSON already, such as a number; at most LOG_TEXT_MAX bytes, longer ones are left out */
};

struct log;

/* Returns new, and starts the writer thread. Borrows `fd`. Returns NULL and sets the error without memory or thread. */
struct log *log_create(int fd, struct error *err);

/* Writes out what the ring holds, stops the thread and frees. No other thread may use the log any more. Takes NULL. */
void log_destroy(struct log *log);

/*
 * Logs `{"time":"2026-11-23T21:40:37.123Z","level":"info","event":"<event>",<fields>}`. Never blocks on I/O. Thread-safe.
 * Copies everything. A NULL `log` discards the line.
 */
void log_event(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* Lines dropped since the start. Thread-safe. */
uint64_t log_dropped(const struct log *log);

/* Prints a number into `storage` (at least 24 bytes) and returns it as a raw field. Borrows `storage`. */
struct log_field log_number(const char *key, int64_t value, char storage[static 24]);

#endif
