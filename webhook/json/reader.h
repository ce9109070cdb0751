/*
 * reader: a scan, the arena for what is read, and the path of an error.
 *
 * The path of an error ("request.object.spec.containers[0].name") is built while the functions return -1 through each
 * other. It costs nothing as long as there is no error. Not thread-safe; a struct reader belongs to one thread.
 */
#ifndef WEBHOOK_JSON_READER_H
#define WEBHOOK_JSON_READER_H

#include "gpugate/arena.h"
#include "webhook/json/scan.h"

#define READER_KEY_MAX 63 /* bytes: no key that has a row in a table is longer, and a path shows no more of any key */

struct reader {
	struct scan scan;
	struct arena *arena;
	size_t path_at; /* path[path_at...] is the part of the path that is known; it grows to the front */
	char path[320];
};

/* Borrows text and arena. The text is followed by REVIEW_PADDING bytes. */
void reader_init(struct reader *reader, const char *bytes, size_t len, struct arena *arena);

/* Fails for lack of memory. Returns -1. */
int reader_no_memory(struct reader *reader);

/* While an error returns: prepends a key, a map's key (labels["app"]) or the number of an item to the path. */
void reader_at_key(struct reader *reader, struct str key);
void reader_at_entry(struct reader *reader, struct str key);
void reader_at_index(struct reader *reader, uint32_t index);

/* Turns the failure into "path: description (byte N)". Returns -1. */
int reader_error(struct reader *reader, struct error *err);

#endif
