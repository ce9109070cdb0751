/*
 * state: what the files of the ledger share. ledger.c decides, copy.c reads and writes the copy,
 * view.c applies what is seen of Pods, recharge.c charges again after other changes, and check.c
 * verifies the sums. They build on facts.c, which extracts the relevant facts of a Pod, and
 * booking.c, which charges an entry where it belongs. room.c limits what a text may take, and
 * reservation.c reserves what the rest of a group requests.
 */
#ifndef WEBHOOK_LEDGER_STATE_H
#define WEBHOOK_LEDGER_STATE_H

#include "gpugate/arena.h"
#include "gpugate/consumer.h"
#include "gpugate/pod.h"
#include "gpugate/policy.h"
#include "webhook/ledger/book.h"
#include "webhook/ledger/label_cache.h"
#include "webhook/ledger/ledger.h"

/* What the ledger knows of one kind of consumer. */
struct kind_view {
	uint64_t version; /* V: version of the copy. */
	uint64_t view_version;
	uint64_t event_version; /* The largest version of an event since the last list began. */
	uint32_t list;          /* Number of the current list. */
	bool listing;           /* A list has begun and not ended: event_version is not complete. */
	bool absent;            /* The cluster does not have this kind. */
	bool comparing;         /* A comparison, which also uses `list`, is in progress. */
};

struct ledger {
	/* options.policy is the initial policy; the current one is book.policy. */
	struct ledger_options options;
	struct entry_table table;
	struct book book;
	struct labels labels[LEDGER_LABELLED];
	struct labels devices;      /* By node: labels of its devices, where the node has none. */
	uint32_t unresolved_count;  /* Number of entries with `unresolved`. */
	uint32_t mischarged;        /* Number of entries with `mischarged`. */
	uint32_t on_no_model;       /* Number of entries with NODE_OF_NO_MODEL in `unfit`. */
	uint32_t on_several_models; /* Number of entries with NODE_OF_SEVERAL_MODELS in `unfit`. */
	struct entry *pending;      /* All pending or tentative entries. */
	struct hash_map groups;     /* Groups of Pods, see gangs.h. */
	uint32_t round;             /* Number of the current round of decisions; 0: none yet. */
	uint32_t copy;              /* Number of the current copy. */
	unsigned copy_form;         /* Form of the copy's text; 0: the text is empty. */
	unsigned form;              /* Form to write. */
	struct kind_view kinds[CONSUMER_KINDS];
	bool lacks_claim_version; /* The copy has no version of claims. */
	/* Kinds of enum ledger_list of which data was lost for lack of memory, as bits. */
	uint8_t lost;
	/* Kinds of which nothing was lost since their last list began, as bits. */
	uint8_t whole;
	uint64_t healed;      /* Number of consumers that comparisons have corrected. */
	struct arena scratch; /* Its user resets it first. */
};

static inline struct kind_view *kind_of(struct ledger *ledger, const struct consumer *consumer)
{
	return &ledger->kinds[consumer->kind];
}

static inline bool entry_seen(const struct entry *entry)
{
	return entry->state & (ENTRY_ALIVE | ENTRY_GONE);
}

static inline bool entry_is_pending(const struct entry *entry)
{
	return entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE) && !(entry->state & (ENTRY_EXPIRED | ENTRY_REPLACED));
}

/* Which sum an entry belongs to. The view decides for every Pod that it has ever had. */
static inline enum entry_booking entry_booking(const struct entry *entry)
{
	if (entry_seen(entry))
		return entry->state & ENTRY_ALIVE && !(entry->state & ENTRY_FINISHED) ? BOOKED_USED : BOOKED_NOWHERE;
	if (entry_is_pending(entry))
		return BOOKED_PENDING;
	return entry->state & ENTRY_UNREADABLE ? BOOKED_USED : BOOKED_NOWHERE;
}

/*
 * Whether an entry takes room in the text. An entry whose Pod has been seen does so until it is
 * folded, unless the Pod no longer holds anything.
 */
static inline bool entry_takes_text(const struct entry *entry)
{
	return entry_is_pending(entry) && entry_booking(entry) != BOOKED_NOWHERE;
}

/*
 * Whether a booked entry is in its group. What is terminating is not: a Pod that the group still
 * waits for takes its place.
 */
static inline bool entry_counts_in_group(const struct entry *entry)
{
	return entry->booked != BOOKED_NOWHERE && !entry->leaving && str_present(entry->consumer.group);
}

/* Sets whether an entry's charges may be wrong. */
static inline void entry_note_mischarged(struct ledger *ledger, struct entry *entry, bool mischarged)
{
	ledger->mischarged += (uint32_t)mischarged - (uint32_t)entry->mischarged;
	entry->mischarged = mischarged;
}

/* Whether a Pod has been terminating for longer than it counts. */
static inline bool ledger_is_overdue(const struct ledger *ledger, const struct entry *entry, int64_t now_ms)
{
	int64_t beyond_ms = policy_terminating_ms(ledger->book.policy);
	return entry->terminating_ms && beyond_ms >= 0 && now_ms - entry->terminating_ms >= entry->grace_ms + beyond_ms;
}

/* Note that a list of this kind has begun or ended. */
static inline void ledger_list_begins(struct ledger *ledger, enum ledger_list list)
{
	ledger->whole |= (uint8_t)(1u << list);
}

static inline void ledger_list_ends(struct ledger *ledger, enum ledger_list list)
{
	ledger->lost &= (uint8_t) ~(ledger->whole & 1u << list);
}

/*
 * Calls `act` for each entry. It may drop or replace that entry. Returns all bits that `act`
 * returned.
 */
static inline int ledger_for_entries(struct ledger *ledger,
				     int (*act)(struct ledger *ledger, struct entry *entry, int64_t now_ms),
				     int64_t now_ms)
{
	int seen = 0;
	for (struct entry *entry = entry_next(&ledger->table, NULL), *next; entry; entry = next) {
		next = entry_next(&ledger->table, entry);
		seen |= act(ledger, entry, now_ms);
	}
	return seen;
}

/*
 * Books an entry where it belongs, after its state or facts have changed. Returns whether capacity
 * became free.
 */
bool ledger_update_booking(struct ledger *ledger, struct entry *entry);

/*
 * Puts `entry` into the table, in place of an entry of the same uid (`old`, which may be NULL), and
 * takes over the state and the booking of that one. Frees the old entry.
 */
void ledger_replace(struct ledger *ledger, struct entry *old, struct entry *entry);

/*
 * Returns why another entry cannot be held; NULL: it can. Notes back-pressure for its root if there
 * is no room in the text.
 */
const char *ledger_no_room(struct ledger *ledger, const struct consumer *consumer);

/* Retries the charges for which there was no memory. Returns whether all charges are exact now. */
bool ledger_exact(struct ledger *ledger);

/* Drops an entry if nothing about it needs to be remembered. Returns whether it was dropped. */
bool ledger_prune(struct ledger *ledger, struct entry *entry, int64_t now_ms);

/*
 * Extracts the facts of a Pod under the current policy into scratch memory, including those that
 * ledger_place sets. Returns bits of enum node_fit, or -1 without memory.
 */
int ledger_facts_of(struct ledger *ledger, const struct pod *pod, struct consumer *consumer);

/*
 * Sets the models of the nodes where the Pod could land and, if it is known, of its node, in
 * scratch memory. Returns bits of enum node_fit, or -1 without memory.
 */
int ledger_place(struct ledger *ledger, const struct pod *placement, struct consumer *consumer);

/* Returns the node of a Pod, or of the devices of a claim; absent: none is known. Borrows. */
struct str ledger_node_of(const struct pod *pod);

/*
 * Finds the placement requirements of the Pod or claim that are kept, which borrow from it and from
 * scratch memory. They are omitted if they are too long or irrelevant under this policy. The Pod is
 * then assumed to fit any node. Returns 0, or -1 without memory.
 */
int ledger_placement_of(struct ledger *ledger, const struct pod *pod, const struct consumer *consumer,
			struct pod *kept);

#endif
