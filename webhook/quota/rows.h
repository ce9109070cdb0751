/*
 * publish_rows: the gpuquotas objects that are known or wanted, by name, and which of them to look at, and when. Part of
 * ledger_publish. A row is in one queue at a time, or in none: then nothing is to be done about it before something changes.
 */
#ifndef WEBHOOK_QUOTA_ROWS_H
#define WEBHOOK_QUOTA_ROWS_H

#include "webhook/quota/plan.h"

#define PUBLISH_ROWS_MAX 40000      /* of more, the rest is passed over */
#define PUBLISH_STRANGERS_MAX 20000 /* rows up to which objects get one that the policy does not know */
#define PUBLISH_WAIT_MS 250         /* rows that wait are looked at so much later at most */
#define PUBLISH_WAITS 256           /* ... but after 64 s they are looked at in any case */

/* Which rows are looked at first. */
enum publish_rank {
	PUBLISH_CHANGED,  /* something has changed */
	PUBLISH_COMPARED, /* all of them are compared, after a list or with a new policy */
	PUBLISH_RANKS,
};

struct publish_link {
	struct publish_link *prev, *next; /* NULL: in no queue */
};

struct publish_row {
	struct publish_link link; /* first: a queue has links */
	struct publish_row *next; /* in its slot */
	void *context;            /* of who asked for it first */
	struct quota_plan plan;
	uint64_t hash;
	enum publish_rank rank;
	bool ready;           /* it is in one of the queues of these */
	uint32_t quota;       /* of the policy that it was looked up for */
	uint32_t policy;      /* number of that; 0: none */
	uint32_t list;        /* number of the list that it was seen in or after */
	bool cohort_exceeded; /* as it was found last, for its cohort; of the cohort's first quota alone */
	char name[];
};

struct publish_rows {
	struct publish_row **slots;
	uint32_t mask, count;
	uint32_t scanned; /* slots that publish_rows_scan has come to */
	struct publish_link ready[PUBLISH_RANKS];
	struct publish_link waiting[PUBLISH_WAITS]; /* by the time when to look at them, in units of PUBLISH_WAIT_MS */
	int64_t waited;                             /* the last unit that has passed */
};

/* Empty. Returns -1 without memory. */
int publish_rows_init(struct publish_rows *rows, int64_t now_ms);
void publish_rows_release(struct publish_rows *rows); /* takes a zeroed one, too */

/* The row of a name, or a new one while there are less than `most`. NULL: there is none; no memory. Good until it is dropped. */
struct publish_row *publish_rows_find(struct publish_rows *rows, const char *name, uint32_t most, void *context);
void publish_rows_drop(struct publish_rows *rows, struct publish_row *row);

/* Has a row looked at soon. One that is to be looked at soon already keeps its place, unless its rank rises. */
void publish_rows_queue(struct publish_rows *rows, struct publish_row *row, enum publish_rank rank);

/* ... or at that time, but after 64 s in any case. */
void publish_rows_wait(struct publish_rows *rows, struct publish_row *row, int64_t at_ms);

/* Queues those whose time has come. */
void publish_rows_pass(struct publish_rows *rows, int64_t now_ms);

/* Begins to queue all rows; publish_rows_scan goes on with that for so many slots, while there are any. */
void publish_rows_rescan(struct publish_rows *rows);
bool publish_rows_scan(struct publish_rows *rows, uint32_t slots);

/* Takes the next to be looked at, of that rank if there is one. NULL: there is none. */
struct publish_row *publish_rows_take(struct publish_rows *rows, enum publish_rank rank);
bool publish_rows_idle(const struct publish_rows *rows); /* none is ready */

#endif
