/* quota_table: gpuquotas objects as people and as programs read them. Pure. */
#ifndef WEBHOOK_QUOTA_TABLE_H
#define WEBHOOK_QUOTA_TABLE_H

#include "webhook/quota/document.h"

struct quota_style {
	bool blocks; /* bars of Unicode's block elements (U+2580 to U+259F), else of ASCII */
	bool colour; /* escape sequences of ECMA-48 */
};

/*
 * Appends the table, the cohorts that borrow, and a line of sums. The objects are sorted by tenant and quota. What is in them is
 * not trusted: everything but printable ASCII becomes "?".
 */
void quota_table_print(const struct quota_document *items, uint32_t count, struct quota_style style, struct buf *out);

/* Appends one JSON document. */
void quota_table_json(const struct quota_document *items, uint32_t count, struct buf *out);

/* How many are exceeded. */
uint32_t quota_table_exceeded(const struct quota_document *items, uint32_t count);

#endif
