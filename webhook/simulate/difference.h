/* difference: where two JSON values differ. */
#ifndef WEBHOOK_SIMULATE_DIFFERENCE_H
#define WEBHOOK_SIMULATE_DIFFERENCE_H

#include <stdbool.h>

#include <jansson.h>

/*
 * Appends {"what", "expected", "actual"} to a list: null stands for nothing. Takes both values. At
 * most DIFFERENCES_MAX are kept. A difference that JSON cannot hold, because it is not UTF-8 or
 * memory is missing, is kept as null, so that the list is not empty.
 */
#define DIFFERENCES_MAX 50
void difference_add(json_t *differences, const char *what, json_t *expected, json_t *actual);

/*
 * Appends the differences of two values, each with its path, which begins with `what`. Lists must
 * have the same length. If `exhaustive`, objects must have the same keys; otherwise `actual` may
 * have more.
 */
void difference_find(const char *what, json_t *expected, json_t *actual, bool exhaustive, json_t *differences);

#endif
