/* count: numbers in objects that count something, such as Pods. */
#ifndef WEBHOOK_JSON_COUNT_H
#define WEBHOOK_JSON_COUNT_H

#include <stdint.h>

#include "gpugate/error.h"

#define JSON_FOUND_BYTES 64

/*
 * Reads a whole number of 0 or more from the JSON of a value, which borrows from `json`. Returns 0,
 * or -1 with an error that names the path, what was found, and what to write, and ends in "(byte
 * N)". Then `*number` is unchanged.
 */
int json_count(struct str json, struct str path, struct str value, int64_t *number, struct error *err);

/* Writes what a value is, such as `the text "2"`, to `buffer`, and returns it. */
const char *json_found(struct str value, char buffer[JSON_FOUND_BYTES]);

#endif
