/*
 * entry: what the ledger knows about one Pod, in one block of memory, and the table of all entries
 * by uid.
 */
#ifndef WEBHOOK_LEDGER_ENTRY_H
#define WEBHOOK_LEDGER_ENTRY_H

#include "gpugate/consumer.h"
#include "gpugate/hash_map.h"
#include "gpugate/pod.h"
#include "gpugate/quota.h"

/* State of a Pod: a set of bits. */
enum entry_state {
	ENTRY_ALIVE = 1 << 0, /* The view has it. */
	/*
	 * Its phase is Succeeded or Failed, or it has been terminating for longer than it counts.
	 */
	ENTRY_FINISHED = 1 << 1,
	ENTRY_GONE = 1 << 2,      /* The view had it, and it was deleted. */
	ENTRY_PENDING = 1 << 3,   /* The ledger's copy has it. */
	ENTRY_TENTATIVE = 1 << 4, /* Admitted by a decision that is not written yet. */
	/*
	 * The Pod never appeared: it no longer counts and is not written. If it appears after all,
	 * it is late.
	 */
	ENTRY_EXPIRED = 1 << 5,
	/* The view has it but cannot read it: its facts are older or missing. */
	ENTRY_UNREADABLE = 1 << 6,
	/*
	 * A reservation that a decision which is not written yet ends or replaces. It does not
	 * count, and it does again if that write fails.
	 */
	ENTRY_REPLACED = 1 << 7,
};

/* Which of the two sums an entry is in. */
enum entry_booking { BOOKED_NOWHERE, BOOKED_USED, BOOKED_PENDING };

struct gang_group;

struct entry {
	struct hash_link in_table; /* Must come first: see entry_next. */
	struct consumer consumer;
	/*
	 * What policy_place reads of a Pod, and node_name. NULL: the view does not have the Pod, or
	 * it has finished.
	 */
	const struct pod *placement;
	struct charge *charges; /* The charges with which it is booked; a separate allocation. */
	uint32_t charge_count;
	uint32_t root;       /* See policy_root; meaningful while it is booked. */
	uint32_t text_bytes; /* See ledger_text_bytes; 0 unless it takes room in the text. */
	/* List of the pending and tentative entries; `pending_link` is NULL if it is neither. */
	struct entry *pending_next, **pending_link;
	/* Its group, and the list of the entries in it; NULL: it is in none (gangs.h). */
	struct gang_group *gang;
	struct entry *gang_next, **gang_link;
	uint32_t list; /* Number of the last list that contained it. */
	uint32_t copy; /* Number of the last copy that contained it. */
	uint8_t state; /* enum entry_state */
	uint8_t booked;
	bool leaving;    /* It is booked as used, and terminating. */
	bool unresolved; /* Booked, and the labels of its namespace are relevant but unknown. */
	/* It is booked, and there was no memory to compute or store its charges. */
	bool mischarged;
	uint8_t node_fit;      /* enum node_fit: how its node fits its models by the policy. */
	uint8_t unfit;         /* The same while it is booked, otherwise 0. */
	uint64_t seen_version; /* Version of the event in which the view first saw it. */
	int64_t seen_ms;       /* When the view first saw it. */
	/*
	 * If a view has reached this version without the Pod, the Pod will never appear; 0: not
	 * known yet.
	 */
	uint64_t due_version;
	int64_t pending_ms;     /* When this replica first knew it as pending. */
	int64_t gone_ms;        /* When it was deleted or expired. */
	int64_t terminating_ms; /* When this replica first saw it terminating; 0: it is not. */
	int64_t grace_ms;       /* The grace period of its deletion. */
};

/* Whether an entry is not a Pod, but the reservation for the rest of a group. */
static inline bool entry_is_reservation(const struct entry *entry)
{
	return entry->consumer.reserved_seconds > 0;
}

struct entry_table {
	struct hash_map map;
};

/* Returns 0, or -1 without memory. */
int entry_table_init(struct entry_table *table);
void entry_table_release(struct entry_table *table); /* Frees all entries; takes a zeroed table. */

/* Returns the entry with this uid; NULL: there is none. */
struct entry *entry_find(const struct entry_table *table, struct str uid);

/*
 * Returns the entry after `entry`, or the first one if it is NULL; NULL at the end. Between two
 * calls, entries other than `entry` may be dropped and replaced, and none may be added.
 */
static inline struct entry *entry_next(const struct entry_table *table, const struct entry *entry)
{
	return (struct entry *)(void *)hash_map_next(&table->map, entry ? &entry->in_table : NULL);
}

/*
 * Copies everything that the consumer refers to except its `gang`, and the placement of `pod` (may
 * be NULL). All other fields are zero, and the entry is in no table. Returns new, or NULL without
 * memory.
 */
struct entry *entry_make(const struct consumer *consumer, const struct pod *pod);
void entry_free(struct entry *entry); /* Takes NULL. */

/*
 * Puts an entry into the table. Replaces and frees `old`, which entry_find returned for the same
 * uid.
 */
void entry_put(struct entry_table *table, struct entry *old, struct entry *entry);

/* Removes an entry from the table and frees it. */
void entry_drop(struct entry_table *table, struct entry *entry);

#endif
