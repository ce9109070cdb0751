/* publish_rows: the gpuquotas objects that are known or wanted, by name. Part of ledger_publish. */
#ifndef WEBHOOK_PUBLISH_ROWS_H
#define WEBHOOK_PUBLISH_ROWS_H

#include "webhook/quota_plan.h"

#define PUBLISH_ROWS_MAX 40000      /* of more, the rest is passed over */
#define PUBLISH_STRANGERS_MAX 20000 /* rows up to which objects get one that the policy does not know */

struct publish_row {
	void *context; /* of who asked for it first */
	struct quota_plan plan;
	bool listed; /* in the list under way */
	bool known;  /* to the policy */
	char name[];
};

/* Zeroed at first. */
struct publish_rows {
	struct publish_row **items; /* sorted */
	uint32_t count, size;
};

/* The row of a name, or a new one while there are less than `most`. NULL: there is none; no memory. Good until it is dropped. */
struct publish_row *publish_rows_find(struct publish_rows *rows, const char *name, uint32_t most, void *context);

/* Drops rows of objects that neither exist nor should, but for those deleted of late, see quota_plan.still_ms. */
void publish_rows_drop(struct publish_rows *rows, int64_t now_ms);
void publish_rows_release(struct publish_rows *rows);

#endif
