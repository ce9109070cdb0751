/*
 * store: the interface between admission and a ledger. The embedded ledger decides at once; that
 * of a cluster decides once the record, the object that all replicas share, has been written. All
 * functions are thread-safe.
 */
#ifndef WEBHOOK_LEDGER_STORE_H
#define WEBHOOK_LEDGER_STORE_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/policy.h"

/*
 * A request to reserve quota for a Pod, or to read the labels of its namespace. It lives in its
 * owner's memory until it is complete.
 */
struct reservation_request {
	/* Decide, but reserve nothing. */
	bool dry;
	int64_t deadline_ms; /* By kube_now_ms; a later result is of no use to the caller. */
	/* Memory for the result. The owner does not use it until the request is complete. */
	struct arena *arena;
	struct str namespace;      /* Namespace of the Pod. */
	struct decision *decision; /* `consumer` is what to reserve. Violations are added. */
	struct buf *charges;       /* Receives the Pod's charges as `tenant/quota=amount, …`. */
	const struct trace *trace; /* May be NULL. Only stores that decide at once send events. */
	/* Labels of the namespace, set by `labels` and `fetch`. Not present: unknown. */
	struct pairs labels;
	/*
	 * The labels are unknown because the caller left too little time to read them, and not
	 * because of an outage.
	 */
	bool hasty;
	int result; /* 0, or -1 if the arena is exhausted. */
	/*
	 * Called once, on any thread, when the request is complete, unless `admit` has returned
	 * true.
	 */
	void (*done)(struct reservation_request *request);
	void *context; /* For the owner's use. */

	/* The fields below belong to the store. */
	struct reservation_request *next;
	const struct policy *policy; /* Policy of the last verdict; retained. NULL: no verdict. */
	void *verdict;
	int64_t arrived_ms;
	/*
	 * Number of the read of the record that this denial waits for: the first that starts after
	 * it. 0: never denied.
	 */
	uint64_t read;
	int64_t final_ms; /* A denial is held until this time at the latest. */
	/* Until when it waits for room among the pending entries; 0: it has not had to wait. */
	int64_t backpressure_ms;
	uint8_t kind;
	bool held; /* Counted as held, because capacity is about to be freed. */
};

/* So many Pods alike. */
struct fit_pods {
	const struct consumer *consumer;
	int64_t count;
};

/* A question how many Pods alike would be admitted, one after another. Nothing is reserved. */
struct fit_request {
	/*
	 * Its decision's `consumer` is what each of the Pods is, with the uid of no Pod. Violations
	 * of the first Pod that does not fit are added.
	 */
	struct reservation_request *reservation;
	int64_t count; /* 1 to INT64_MAX. */
	/* Pods that hold quota now, each like this one, and that the others replace; NULL: none. */
	const struct consumer *replaced;
	int64_t replaced_count;
	/* Other Pods that are created before them, and that count as admitted. */
	const struct fit_pods *before;
	uint32_t before_count;
	/* The namespace's group whose reservation counts as free; absent: none. */
	struct str own_group;
	/* Only one Pod is asked about, together with the gang of its decision's `consumer`. */
	bool whole;

	/* The answer. */
	int64_t fits; /* At most `count`. */
	bool never;   /* Not one of them is ever admitted. */
	/* Of these, the limits never allow more at one time. At least how many fit. */
	int64_t most;
};

struct ledger_store {
	void *self;
	bool waits; /* `admit` may complete requests later. */

	/*
	 * Decides the request and adds violations to request->decision, for limits that are
	 * exceeded or for an outage. Returns true if the request is complete. Otherwise `done` is
	 * called later, or was called already.
	 */
	bool (*admit)(void *self, struct reservation_request *request);

	/*
	 * Answers the question at once, from what the ledger knows now. Returns false if it does
	 * not know enough, or if the arena is exhausted. NULL: it never answers.
	 */
	bool (*fit)(void *self, struct fit_request *request);

	/*
	 * `labels` sets request->labels and returns true if they are known. Otherwise `fetch` reads
	 * them and calls `done`; the labels are still not present if they could not be read in
	 * time. Both are NULL if the policy's own documents contain the labels of namespaces.
	 */
	bool (*labels)(void *self, struct reservation_request *request);
	void (*fetch)(void *self, struct reservation_request *request);

	/*
	 * Notes that a review reports the Pod or claim with this uid as deleted or finished. NULL:
	 * the store finds out itself.
	 */
	void (*finished)(void *self, struct str uid);
};

#endif
