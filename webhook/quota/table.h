/* table: prints gpuquotas objects as a human-readable table or as JSON. Pure. */
#ifndef WEBHOOK_QUOTA_TABLE_H
#define WEBHOOK_QUOTA_TABLE_H

#include "webhook/quota/document.h"

struct quota_style {
	/* Draw bars with Unicode block elements (U+2580 to U+259F) instead of ASCII. */
	bool blocks;
	bool colour; /* Use ECMA-48 escape sequences. */
};

/*
 * Appends the table, the cohorts that borrow, and a summary line. The objects must be sorted by
 * tenant and quota. Their content is not trusted: every character except printable ASCII becomes
 * "?".
 */
void quota_table_print(const struct quota_document *items, uint32_t count, struct quota_style style, struct buf *out);

/* Appends one JSON document. */
void quota_table_json(const struct quota_document *items, uint32_t count, struct buf *out);

/* Returns the number of exceeded quotas. */
uint32_t quota_table_exceeded(const struct quota_document *items, uint32_t count);

#endif
