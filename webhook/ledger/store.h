/*
 * ledger_store: what admission asks of a ledger, whichever it is: the embedded one decides at once, the cluster's when the
 * shared object has been written. All functions are thread-safe.
 */
#ifndef WEBHOOK_LEDGER_STORE_H
#define WEBHOOK_LEDGER_STORE_H

#include "gpugate/buf.h"
#include "gpugate/policy.h"

/* A question. Lives in its owner's memory until it is answered. */
struct reservation_request {
	bool dry;
	int64_t deadline_ms;       /* by kube_now_ms: an answer after it is of no use */
	struct arena *arena;       /* the answer's memory; not to be used by others before the answer */
	struct str namespace;      /* of the Pod */
	struct decision *decision; /* `holding` is asked for; objections are added */
	struct buf *charges;       /* gets `tenant/quota=amount, …` of the Pod */
	struct pairs labels;       /* of the namespace: what ledger_store.labels found; not present: unknown */
	bool hasty;                /* ... since the client left too little time to read them, not for an outage */
	int result;                /* 0, or -1 when the arena is exhausted */
	/* Called once, on any thread, when the answer is there, unless `admit` says at once that it is. */
	void (*done)(struct reservation_request *request);
	void *context; /* the owner's */

	/* What follows belongs to the store. */
	struct reservation_request *next;
	const struct policy *policy; /* that judged it last; retained */
	void *verdict;
	int64_t arrived_ms;
	uint64_t read;    /* number of the first read of the object after its first refusal; 0: it was never refused */
	int64_t final_ms; /* a refusal waits until then */
	int64_t crowded_ms; /* how long it waits for room among what is pending; 0: it found some */
	uint8_t kind;
	bool held; /* since something is about to become free */
};

struct ledger_store {
	void *self;
	bool waits; /* `admit` answers later */

	/* Puts what is found into ask->decision: objections for limits that are exceeded, or for an outage. Returns whether
	 * the answer is there; if not, `done` will be called, or has been. */
	bool (*admit)(void *self, struct reservation_request *request);

	/*
	 * Fills in ask->labels; returns whether they are known. If not, `fetch` reads them: `done` will be called, with
	 * labels that are still not present where that was not possible in time. Both NULL: the policy's own documents say
	 * what labels namespaces have.
	 */
	bool (*labels)(void *self, struct reservation_request *request);
	void (*fetch)(void *self, struct reservation_request *request);

	/* A review says that the Pod of this uid is gone or has finished. NULL: the store looks for itself. */
	void (*finished)(void *self, struct str uid);
};

#endif
