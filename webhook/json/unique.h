/* unique: rejects JSON maps with duplicate keys. */
#ifndef WEBHOOK_JSON_UNIQUE_H
#define WEBHOOK_JSON_UNIQUE_H

#include "gpugate/pairs.h"
#include "webhook/json/reader.h"

/* Fails if a key occurs twice. Faster than quadratic for any input. Returns 0 or -1. */
int pairs_check_unique(struct reader *reader, const struct pair *items, uint32_t count);

#endif
