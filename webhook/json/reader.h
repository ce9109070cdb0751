/*
 * reader: a scan, the arena for what is read, and the path of an error.
 *
 * The path of an error ("request.object.spec.containers[0].name") is built while the functions
 * return -1 to their callers, so it costs nothing unless there is an error. Not thread-safe: a
 * struct reader belongs to one thread.
 */
#ifndef WEBHOOK_JSON_READER_H
#define WEBHOOK_JSON_READER_H

#include "gpugate/arena.h"
#include "webhook/json/scan.h"

/* In bytes. No key with a row in a table is longer, and a path shows no more of any key. */
#define READER_KEY_MAX 63

struct reader {
	struct scan scan;
	struct arena *arena;
	/* Start of the known part of the path, which grows toward the front of the array. */
	size_t path_at;
	char path[320];
};

/* Borrows the text and the arena. REVIEW_PADDING readable bytes must follow the text. */
void reader_init(struct reader *reader, const char *bytes, size_t len, struct arena *arena);

/* Fails because the arena is exhausted. Returns -1. */
int reader_no_memory(struct reader *reader);

/*
 * Prepend a key, a map key (labels["app"]) or a list index to the path, while an error is returned.
 */
void reader_at_key(struct reader *reader, struct str key);
void reader_at_entry(struct reader *reader, struct str key);
void reader_at_index(struct reader *reader, uint32_t index);

/* Reports the failure as "path: description (byte N)". Returns -1. */
int reader_error(struct reader *reader, struct error *err);

#endif
