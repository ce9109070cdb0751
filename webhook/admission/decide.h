/*
 * decide: from one admission request to its decision. Policy and ledger meet here and nowhere else. It knows neither HTTP nor
 * metrics, log or clock, so that a server and a command that simulates one decide by the same code.
 */
#ifndef WEBHOOK_ADMISSION_DECIDE_H
#define WEBHOOK_ADMISSION_DECIDE_H

#include "gpugate/policy.h"
#include "webhook/ledger/store.h"

enum admission_kind {
	ADMISSION_MUTATE,
	ADMISSION_VALIDATE,
};

enum admission_state {
	ADMISSION_DECIDED,
	ADMISSION_PENDING,   /* the ledger answers later: `done` will be called, or has been */
	ADMISSION_CROWDED,   /* the ledger would answer later, and the caller cannot wait */
	ADMISSION_NO_UID,    /* a Pod to be charged has no uid yet: it was not sent by a validating webhook */
	ADMISSION_NO_MEMORY, /* the arena is exhausted */
};

/* One request. Lives in its owner's memory, unchanged by the owner, until it is decided. */
struct admission_request {
	enum admission_kind kind;
	const struct policy *policy;       /* borrowed */
	const struct ledger_store *ledger; /* borrowed */
	struct arena *arena;               /* for the decision; the caller does not use it while the state is PENDING */
	struct review *review;             /* borrowed; gets the labels of its namespace where the ledger keeps them */
	struct buf *charges;               /* gets `tenant/quota=amount, ...` of a Pod that is charged; borrowed */
	int64_t deadline_ms;               /* by the clock of the ledger: a later answer is of no use */

	/*
	 * Called at most once, before the ledger is asked something that it may answer later. Returns whether the caller can wait.
	 * From then on `done` may be called, once, on any thread, with any state but PENDING. Not used by a ledger that never waits.
	 */
	bool (*suspend)(struct admission_request *request);
	void (*done)(struct admission_request *request, enum admission_state state);
	void *context; /* the caller's */

	struct decision decision; /* the result; its strings borrow from the policy, the review and the arena */

	/* What follows belongs to admission_decide. */
	struct reservation_request reservation;
	bool suspended;
};

/* Decides. The request is zero but for what its owner sets. If the state is PENDING, the request may be gone by the return. */
enum admission_state admission_decide(struct admission_request *request);

/* Whether the review is of a Pod that exists and is changed, and not of one of its subresources. */
bool admission_updates_pod(const struct review *review);

#endif
