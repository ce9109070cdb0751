/*
 * state: the cluster ledger as all its parts see it, one struct with the state of each part.
 *
 * A part changes its own state only, and does not call upon another part to act: it notes what it
 * wants, and calls `step` at the end of the event. step.c then asks all parts, in a fixed order,
 * what is to be done next. A part may read the state of others.
 *
 * Unless a comment says otherwise, every field is used, and every function of this folder is
 * called, on the loop's thread only. "The copy" is the newest state of the record that this replica
 * has read; "V" is its spec.version, for Pods, or its spec.claimVersion, for claims. Names in
 * brackets are the steps of the model in tests/model.
 */
#ifndef WEBHOOK_CLUSTER_STATE_H
#define WEBHOOK_CLUSTER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "webhook/cluster/claims_api.h"
#include "webhook/cluster/classes.h"
#include "webhook/cluster/comparison.h"
#include "webhook/cluster/maintenance.h"
#include "webhook/cluster/namespace_lookup.h"
#include "webhook/cluster/publisher.h"
#include "webhook/cluster/queue.h"
#include "webhook/cluster/record.h"
#include "webhook/cluster/slices.h"
#include "webhook/cluster/store.h"
#include "webhook/cluster/version_query.h"
#include "webhook/cluster/view.h"
#include "webhook/cluster/watches.h"
#include "webhook/ledger/ledger.h"

/* Counters for metrics. Any thread may read them. */
enum cluster_count {
	COUNT_WRITTEN,   /* Writes of the record. */
	COUNT_CONFLICTS, /* Writes that lost to another replica's. */
	COUNT_UNKNOWN,   /* Writes whose outcome is unknown. */
	COUNT_EXPIRED,   /* Pending entries whose Pods were never stored. */
	COUNT_LATE,      /* Pods that were stored after their entries were expired. */
	/* Requests that could not be decided because the ledger does not work. */
	COUNT_OUTAGES,
	COUNT_BUSY,           /* Requests that could not be decided for lack of time or room. */
	COUNT_HELD,           /* Denials that were held because capacity was about to be freed. */
	COUNT_ADMITTED_LATER, /* Held denials that became admissions. */
	COUNT_RESETS,         /* Times that the record had to settle again. */
	COUNT_PUBLISHED,      /* gpuquotas objects that were written. */
	COUNT_RETIRED,        /* gpuquotas objects that were deleted. */
	COUNT_UNPUBLISHED,    /* Failed writes, deletions and lists of gpuquotas objects. */
	COUNT_UNREADABLE,     /* Objects in lists and watches that could not be read. */
	COUNT_COMPARED,       /* Comparisons of the view with a list of all Pods. */
	COUNT_COMPARE_FAILED, /* Comparisons that failed. */
	COUNT_HEALED,         /* Pods that a comparison has corrected. */
	COUNTS,
};

/* What step.c needs to run. */
struct stepping {
	struct kube_timer timer; /* The next tick. */
	bool ticked;             /* A tick has begun that no pass has seen yet. */
	bool running, again;     /* A pass is running; another one must follow it. */
};

struct ledger_cluster {
	struct ledger_cluster_options options;
	/* Guards `ledger`, and the fields that say so. Never held during I/O. */
	pthread_mutex_t mutex;
	struct ledger *ledger;
	/*
	 * Does what follows from the state: cluster_step. Called at the end of each event that has
	 * changed something; never under the mutex.
	 */
	void (*step)(struct ledger_cluster *cluster);
	struct stepping stepping;
	struct kube_watch *watches[WATCHES];
	bool synced[WATCHES]; /* Lists that are complete; written under the mutex. */
	struct peers peers;   /* Guarded by the mutex. */
	struct lookups lookups;
	struct view view;
	struct claims_api claims_api;
	struct classes classes;
	struct slices slices;
	struct version_query queries[CONSUMER_KINDS];
	struct lateness lateness;
	struct queue queue;
	struct record record;
	struct maintenance maintenance;
	struct comparison comparison;
	struct publish publish;
	struct arena scratch; /* Emptied before each object that is read. */
	_Atomic uint64_t counts[COUNTS];
	_Atomic int state;         /* Copy of record.state (enum record_state) for other threads. */
	_Atomic int64_t behind_ms; /* Copy of lateness.behind_ms for other threads. */
	_Atomic bool current;      /* What fit_publish has found, for other threads. */
};

static inline void cluster_count(struct ledger_cluster *cluster, enum cluster_count which)
{
	atomic_fetch_add_explicit(&cluster->counts[which], 1, memory_order_relaxed);
}

/* Logs one event with the name of this replica. Borrows the strings. Thread-safe. */
void cluster_log(struct ledger_cluster *cluster, enum log_level level, const char *event, const char *message);

#endif
