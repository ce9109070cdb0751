/* ledger_state: what the parts of the ledger share (ledger.c decides and copies, ledger_view.c sees). */
#ifndef WEBHOOK_LEDGER_STATE_H
#define WEBHOOK_LEDGER_STATE_H

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

/* Notes whether an entry's charges are what they should be. */
static inline void entry_note_mischarged(struct ledger *ledger, struct entry *entry, bool mischarged)
{
	ledger->mischarged += (uint32_t)mischarged - (uint32_t)entry->mischarged;
	entry->mischarged = mischarged;
}

/* After a change of an entry's state or facts: books it where it belongs now. Returns whether something became free. */
bool ledger_settle(struct ledger *ledger, struct entry *entry);

/* Puts an entry in place of another of the same uid (*link; NULL: none), which it takes over what is known from. */
void ledger_replace(struct ledger *ledger, struct entry **link, struct entry *entry);

/* Whether all charges are what they should be; books anew those for which there was no memory. */
bool ledger_exact(struct ledger *ledger);

/* Drops an entry about which nothing is left to know. Returns whether it was dropped. */
bool ledger_prune(struct ledger *ledger, struct entry **link, int64_t now_ms);

#endif
