/*
 * state: what the parts of the ledger share: ledger.c decides, copy.c reads and writes the copy, view.c applies what
 * is seen of Pods, recharge.c charges again after other changes, check.c verifies the sums. Below them, facts.c keeps what
 * matters of a Pod, and booking.c charges an entry where it belongs.
 */
#ifndef WEBHOOK_LEDGER_STATE_H
#define WEBHOOK_LEDGER_STATE_H

#include "gpugate/arena.h"
#include "gpugate/holding.h"
#include "gpugate/pod.h"
#include "gpugate/policy.h"
#include "webhook/ledger/book.h"
#include "webhook/ledger/label_cache.h"
#include "webhook/ledger/ledger.h"

struct ledger {
	struct ledger_options options; /* its policy is that of the start; book.policy counts */
	struct entry_table table;
	struct book book;
	struct labels namespaces, nodes;
	uint32_t strangers;         /* entries that are such */
	uint32_t mischarged;        /* ... mischarged */
	uint32_t on_no_model;       /* entries that are NODE_OF_NO_MODEL */
	uint32_t on_several_models; /* ... NODE_OF_SEVERAL_MODELS */
	struct entry *pending;      /* all that are pending or tentative */
	uint32_t round;             /* counts rounds of decisions; 0: none has begun */
	uint32_t copy;              /* counts copies */
	uint64_t version;           /* of the copy */
	unsigned copy_form;         /* of its text; 0: that is empty */
	unsigned form;              /* to be written */
	uint32_t list;              /* counts lists of Pods */
	bool comparing;             /* a comparison is under way, by `list` too */
	uint8_t lost;    /* kinds of enum ledger_list, by bits, of which something was lost for lack of memory */
	uint8_t whole;   /* ... of which nothing was since their last list began */
	uint64_t healed; /* what comparisons put right */
	uint64_t view_version;
	uint64_t event_version; /* largest of a Pod event since the last list began */
	struct arena scratch;   /* emptied by whoever begins to use it */
};

static inline bool entry_seen(const struct entry *entry)
{
	return entry->state & (ENTRY_ALIVE | ENTRY_GONE);
}

static inline bool entry_is_pending(const struct entry *entry)
{
	return entry->state & (ENTRY_PENDING | ENTRY_TENTATIVE) && !(entry->state & ENTRY_SWEPT);
}

/* Which sum an entry belongs to: the view decides for every Pod that it has ever had. */
static inline enum entry_booking entry_booking(const struct entry *entry)
{
	if (entry_seen(entry))
		return entry->state & ENTRY_ALIVE && !(entry->state & ENTRY_FINISHED) ? BOOKED_USED : BOOKED_NOWHERE;
	if (entry_is_pending(entry))
		return BOOKED_PENDING;
	return entry->state & ENTRY_UNREADABLE ? BOOKED_USED : BOOKED_NOWHERE;
}

/*
 * Whether an entry takes room in the text until it is folded: a Pod that has been seen still does, unless it no longer holds
 * anything.
 */
static inline bool entry_takes_text(const struct entry *entry)
{
	return entry_is_pending(entry) && entry_booking(entry) != BOOKED_NOWHERE;
}

/* Notes whether an entry's charges are what they should be. */
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

/* Notes that a list of these has begun, or ended. */
static inline void ledger_list_begins(struct ledger *ledger, enum ledger_list list)
{
	ledger->whole |= (uint8_t)(1u << list);
}

static inline void ledger_list_ends(struct ledger *ledger, enum ledger_list list)
{
	ledger->lost &= (uint8_t) ~(ledger->whole & 1u << list);
}

/* Calls `act` for the link of each entry; it may drop or replace the entry. Returns all the bits that `act` returned. */
static inline int ledger_for_links(struct ledger *ledger,
				   int (*act)(struct ledger *ledger, struct entry **link, int64_t now_ms),
				   int64_t now_ms)
{
	int seen = 0;
	for (uint32_t i = 0; i <= ledger->table.mask; i++)
		for (struct entry **link = &ledger->table.slots[i]; *link;) {
			const struct entry *before = *link, *after = before->next;
			seen |= act(ledger, link, now_ms);
			if (*link != after)
				link = &(*link)->next;
		}
	return seen;
}

/* After a change of an entry's state or facts: books it where it belongs now. Returns whether something became free. */
bool ledger_settle(struct ledger *ledger, struct entry *entry);

/* Puts an entry in the place of another of the same uid (*link; NULL: none), and copies what is known of that one. */
void ledger_replace(struct ledger *ledger, struct entry **link, struct entry *entry);

/* Whether all charges are what they should be; books anew those for which there was no memory. */
bool ledger_exact(struct ledger *ledger);

/* Drops an entry about which nothing is left to know. Returns whether it was dropped. */
bool ledger_prune(struct ledger *ledger, struct entry **link, int64_t now_ms);

/*
 * The facts of a Pod under the policy in force, in scratch memory, as ledger_place will set them again. Returns bits of enum
 * node_fit, or -1 without memory.
 */
int ledger_facts_of(struct ledger *ledger, const struct pod *pod, struct holding *holding);

/*
 * Sets where a Pod could land and, if known, what its node is, in scratch memory. Returns bits of enum node_fit, or -1
 * without memory.
 */
int ledger_place(struct ledger *ledger, const struct pod *placement, struct holding *holding);

/*
 * What is kept of a Pod's requirements; borrows from the Pod. Where they are too long, or matter only under another policy,
 * the Pod could land anywhere.
 */
struct pod ledger_placement_of(const struct policy *policy, const struct pod *pod, const struct holding *holding);

#endif
