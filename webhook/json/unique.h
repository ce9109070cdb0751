/* unique: refuses a map whose JSON gives a key twice. */
#ifndef WEBHOOK_JSON_UNIQUE_H
#define WEBHOOK_JSON_UNIQUE_H

#include "gpugate/pairs.h"
#include "webhook/json/reader.h"

/* Fails when a key is given twice. Takes less than quadratic time for any input. Returns 0 or -1. */
int pairs_check_unique(struct reader *reader, const struct pair *items, uint32_t count);

#endif
