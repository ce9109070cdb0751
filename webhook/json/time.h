/* time: reads times as Kubernetes writes them in JSON. Pure and thread-safe. */
#ifndef WEBHOOK_JSON_TIME_H
#define WEBHOOK_JSON_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/buf.h"

/*
 * Parses the whole text as a time of RFC 3339, such as 2030-01-31T12:00:00Z or
 * 2030-01-31T13:00:00.5+01:00. Like Go, it takes no leap seconds, and `T` and `Z` only in upper
 * case. Digits below a millisecond are dropped. Sets `*ms` to milliseconds since 1970, negative
 * before. Returns false if the text is no such time.
 */
bool time_parse(struct str text, int64_t *ms);

/* Appends the time, in UTC and without its milliseconds. */
void time_print(int64_t ms, struct buf *out);

#endif
