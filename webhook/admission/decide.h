/*
 * decide: turns one admission request into a decision. This is the only place where admission
 * combines the policy and the ledger. It uses no HTTP, metrics, log or clock, so that the server
 * and offline commands can share it.
 */
#ifndef WEBHOOK_ADMISSION_DECIDE_H
#define WEBHOOK_ADMISSION_DECIDE_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/policy.h"
#include "gpugate/review.h"
#include "webhook/admission/early_answer.h"
#include "webhook/admission/gang.h"
#include "webhook/ledger/store.h"

enum admission_kind {
	ADMISSION_MUTATE,
	ADMISSION_VALIDATE,
};

enum admission_state {
	ADMISSION_DECIDED,
	ADMISSION_PENDING,    /* The response comes later: `done` will be or has been called. */
	ADMISSION_OVERLOADED, /* The response would come later, but `suspend` returned false. */
	ADMISSION_NO_UID,     /* A Pod to charge has no uid: no validating webhook sent it. */
	ADMISSION_NO_MEMORY,  /* The arena is exhausted. */
};

/* One request. The caller owns it and must not change it until it is decided. */
struct admission_request {
	enum admission_kind kind;
	const struct policy *policy;       /* Borrowed. */
	const struct ledger_store *ledger; /* Borrowed. */
	struct arena *arena;               /* Borrowed. Off limits to the caller during PENDING. */
	struct review *review;             /* Borrowed. The ledger may add namespace_labels. */
	struct buf *charges;               /* Borrowed. If charged: "tenant/quota=amount, ...". */
	/*
	 * Borrowed. NULL: the review is about a Pod itself. Otherwise it is that of the question,
	 * and the decision becomes the answer: nothing is reserved.
	 */
	struct early_question *question;
	const struct trace *trace; /* Borrowed. May be NULL. Receives each step. */
	int64_t deadline_ms;       /* On the ledger's clock. A later response is useless. */

	/*
	 * Called at most once, before any call that may complete asynchronously. Returns whether
	 * the caller can wait. After it returns true, `done` may be called once, on any thread,
	 * with any state except PENDING. A ledger that always responds immediately needs neither
	 * callback, without `read`.
	 */
	bool (*suspend)(struct admission_request *request);
	void (*done)(struct admission_request *request, enum admission_state state);
	/*
	 * Reads the object that has the group of the Pod, and calls admission_read once, on any
	 * thread, until the deadline. NULL: objects cannot be read, and the Pod is decided alone
	 * unless it says itself how many Pods its group has.
	 */
	void (*read)(struct admission_request *request, const struct pod_group *group);
	void *context; /* For the callbacks. Not used by admission_decide. */

	struct decision decision; /* Its strings borrow from policy, review and arena. */

	/* Private to admission_decide. */
	struct reservation_request reservation;
	struct pod_group group;
	bool suspended;
};

/*
 * Decides the request. The caller zeroes the private members and the decision before the call.
 * After PENDING, the caller must not touch the request: `done` may already have freed it.
 * Thread-safe for different requests.
 */
enum admission_state admission_decide(struct admission_request *request);

/* Continues a request after `read`, as gang_read documents. Calls `done`, or the ledger does. */
void admission_read(struct admission_request *request, enum gang_object state, struct str json);

/*
 * Whether the review is an UPDATE without a subresource. It does not check that the object is a
 * Pod.
 */
bool admission_updates_pod(const struct review *review);

#endif
