/*
 * rows: a table, by name, of the gpuquotas objects that exist or are wanted, and the queues that
 * say when to compare each row. Used by the publisher (webhook/cluster/publisher.c). Not
 * thread-safe.
 *
 * A row is in at most one queue. If it is in none, nothing needs to be done about it until
 * something changes.
 */
#ifndef WEBHOOK_QUOTA_ROWS_H
#define WEBHOOK_QUOTA_ROWS_H

#include "gpugate/hash_map.h"
#include "webhook/quota/plan.h"

#define PUBLISH_ROWS_MAX 40000 /* Maximum number of rows; further quotas are not published. */
/*
 * An object from the watch gets a new row only below this number of rows. This reserves room for
 * the quotas of the policy.
 */
#define PUBLISH_UNKNOWN_MAX 20000
#define PUBLISH_WAIT_MS 250 /* Resolution of the timer queues. */
#define PUBLISH_WAITS 256   /* Number of timer queues. They cover 64 s; no row waits longer. */

/* The order in which rows are compared. */
enum publish_rank {
	PUBLISH_CHANGED,  /* The row has changed. */
	PUBLISH_COMPARED, /* All rows are compared after a list and under a new policy. */
	PUBLISH_RANKS,
};

struct publish_link {
	struct publish_link *prev, *next; /* NULL if in no queue. */
};

struct publish_row {
	struct publish_link link; /* Must come first: a queue links these. */
	struct hash_link in_map;
	void *context; /* As passed to the publish_rows_find that created the row. */
	struct quota_plan plan;
	enum publish_rank rank;
	bool ready;      /* In one of the `ready` queues. */
	uint32_t quota;  /* Index of the quota in the policy that `policy` numbers. */
	uint32_t policy; /* Sequence number of the policy that last had this quota; 0: none has. */
	uint32_t list;   /* Sequence number of the last list that the row was checked against. */
	/*
	 * Whether the cohort was exceeded when last compared. Used only in the row of the cohort's
	 * first quota.
	 */
	bool cohort_exceeded;
	char name[];
};

struct publish_rows {
	struct hash_map map;
	/* The next slot for publish_rows_scan; UINT32_MAX if no scan is in progress. */
	uint32_t scanned;
	struct publish_link ready[PUBLISH_RANKS];
	/*
	 * A timer wheel: the queue of a row is its due time in units of PUBLISH_WAIT_MS, modulo
	 * PUBLISH_WAITS.
	 */
	struct publish_link waiting[PUBLISH_WAITS];
	/* Time up to which the timer queues have been emptied, in units of PUBLISH_WAIT_MS. */
	int64_t waited;
};

/* Initializes an empty table. Returns -1 without memory. */
int publish_rows_init(struct publish_rows *rows, int64_t now_ms);
void publish_rows_release(struct publish_rows *rows); /* Accepts a zeroed table. */

/*
 * Finds the row of that name. If there is none and the table has fewer than `most` rows, adds one.
 * Returns NULL if there is none, or without memory. The row stays valid until it is dropped.
 */
struct publish_row *publish_rows_find(struct publish_rows *rows, const char *name, uint32_t most, void *context);

/* Removes a row from the table and its queue, and frees it. */
void publish_rows_drop(struct publish_rows *rows, struct publish_row *row);

/*
 * Queues a row to be compared soon. A row that is already ready keeps its place unless its rank
 * rises.
 */
void publish_rows_queue(struct publish_rows *rows, struct publish_row *row, enum publish_rank rank);

/* Queues a row to be compared at `at_ms`, but no more than 64 s from now. */
void publish_rows_wait(struct publish_rows *rows, struct publish_row *row, int64_t at_ms);

/* Makes the rows ready whose time has come. */
void publish_rows_pass(struct publish_rows *rows, int64_t now_ms);

/*
 * Queues all rows. publish_rows_rescan starts over; publish_rows_scan processes up to `slots` slots
 * and returns whether any remain.
 */
void publish_rows_rescan(struct publish_rows *rows);
bool publish_rows_scan(struct publish_rows *rows, uint32_t slots);

/*
 * Removes and returns the next ready row, preferably one of that rank. Returns NULL if no row is
 * ready.
 */
struct publish_row *publish_rows_take(struct publish_rows *rows, enum publish_rank rank);
bool publish_rows_idle(const struct publish_rows *rows); /* No row is ready. */

#endif
