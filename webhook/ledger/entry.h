/*
 * entry: what the ledger knows of one Pod, in one block of memory, and the table of all of them by uid.
 */
#ifndef WEBHOOK_LEDGER_ENTRY_H
#define WEBHOOK_LEDGER_ENTRY_H

#include "gpugate/holding.h"
#include "gpugate/pod.h"
#include "gpugate/quota.h"

/* What is true of a Pod; several at once. */
enum entry_state {
	ENTRY_ALIVE = 1 << 0,     /* the view has it */
	ENTRY_FINISHED = 1 << 1,  /* ... in phase Succeeded or Failed, or terminating for longer than it counts */
	ENTRY_GONE = 1 << 2,      /* the view had it */
	ENTRY_PENDING = 1 << 3,   /* the ledger's copy has it */
	ENTRY_TENTATIVE = 1 << 4, /* admitted by a decision that is not written yet */
	ENTRY_SWEPT = 1 << 5,     /* it never came: it counts no more, and is left out; if it still comes, it is late */
	ENTRY_UNREADABLE = 1 << 6, /* the view has it, and cannot read it: its facts are older, or there are none */
};

/* Which of the two sums an entry is in. */
enum entry_booking { BOOKED_NOWHERE, BOOKED_USED, BOOKED_PENDING };

struct entry {
	struct entry *next; /* in its slot */
	uint64_t hash;
	struct holding holding;
	const struct pod *
	    placement; /* what policy_place reads of a Pod, and node_name; NULL: the view does not have it, or it has finished */
	struct charge *charges; /* as they are booked; memory of their own */
	uint32_t charge_count;
	uint32_t root;       /* see policy_root; meaningful while it is booked */
	uint32_t text_bytes; /* see ledger_text_bytes; 0 unless it takes room in the text */
	struct entry *pending_next,
	    **pending_link; /* among those that are pending or tentative; no link: it is neither */
	uint32_t list;      /* number of the list that it was in last */
	uint32_t copy;      /* number of the copy that it was in last */
	uint8_t state;      /* enum entry_state */
	uint8_t booked;
	bool leaving;           /* it is booked as used and terminates */
	bool stranger;          /* it is booked, and the labels of its namespace would matter but are not known */
	bool mischarged;        /* it is booked, and there was no memory to find out or to note what it costs */
	uint8_t node_fit;       /* enum node_fit: what its node is to it, by the policy */
	uint8_t unfit;          /* ... while it is booked */
	uint64_t seen_version;  /* of the event in which the view first saw it */
	int64_t seen_ms;        /* ... and when that was */
	uint64_t due_version;   /* a view that has reached this and never had the Pod never will; 0: not known yet */
	int64_t pending_ms;     /* when this replica first knew it as pending */
	int64_t gone_ms;        /* when it was gone, or was swept */
	int64_t terminating_ms; /* when this replica first saw that it terminates; 0: it does not */
	int64_t grace_ms;       /* its own grace period */
};

struct entry_table {
	struct entry **slots;
	uint32_t mask;
	uint32_t count;
};

int entry_table_init(struct entry_table *table);
void entry_table_release(struct entry_table *table);

/* The link to the entry of a uid; to NULL where there is none. Good until the table changes. */
struct entry **entry_find(const struct entry_table *table, struct str uid);

/*
 * A copy of everything that the holding refers to, and of the placement of `pod` (NULL: none), with all else zero, in no
 * table yet. Returns new; NULL without memory.
 */
struct entry *entry_make(const struct holding *holding, const struct pod *pod);
void entry_free(struct entry *entry); /* takes NULL */

/* Puts an entry into the table; in place of `old` (freed; may be NULL), whose link it is. */
void entry_put(struct entry_table *table, struct entry **link, struct entry *entry);

/* Takes an entry out and frees it. */
void entry_drop(struct entry_table *table, struct entry **link);

#endif
