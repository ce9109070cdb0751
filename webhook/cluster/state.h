/*
 * state: the state and the internal functions that the files of the cluster ledger share.
 *
 * Unless a comment says otherwise, every field is used, and every function is called, on the loop's
 * thread only. "The copy" is the newest state of the record that this replica has read; "V" is its
 * spec.version. Names in brackets are the steps of the model in tests/model.
 */
#ifndef WEBHOOK_CLUSTER_STATE_H
#define WEBHOOK_CLUSTER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gpugate/pod.h"
#include "webhook/cluster/store.h"
#include "webhook/kube/stream.h"
#include "webhook/kube/watch.h"
#include "webhook/ledger/ledger.h"
#include "webhook/quota/rows.h"

/* --- queue.c: requests that wait for the ledger --- */

struct request_list {
	struct reservation_request *first, **last;
};

struct queue {
	struct request_list incoming; /* New requests, from any thread; guarded by the mutex. */
	struct request_list waiting;  /* Requests to decide. */
	struct request_list batch;    /* Requests that the write in flight admits. */
	/*
	 * Denials that a read of the record, or a Pod that is about to end, may still turn into
	 * admissions.
	 */
	struct request_list held;
	/* Requests for which the pending entries leave no room at the moment. */
	struct request_list crowded;
	/* Requests for labels of namespaces that the view does not know yet. */
	struct request_list unknown;
	struct kube_task arrived;
	struct kube_timer timer; /* Next deadline, or the end of a pause. */
	int64_t again_ms;        /* When the crowded requests are decided again at the latest. */
	/* Number of the last successful read of the record; compare record.reads. */
	uint64_t read;
	int64_t resume_ms; /* Nothing is decided before this time; 0: no pause. */
	unsigned pause_ms; /* Maximum back-off after a write; 0: no recent conflicts. */
	bool closed;       /* Nothing may wait any more; guarded by the mutex. */
};

/* Initializes the queue of a zeroed cluster. */
void queue_open(struct ledger_cluster *cluster);

/*
 * Decides the waiting requests if that is possible now, and writes the admitted ones. [wait,
 * decide]
 */
void queue_pump(struct ledger_cluster *cluster);

/*
 * Called when the write of the batch has ended. Completes the batch, or queues it to be decided
 * again if `written` is false.
 */
void queue_write_ended(struct ledger_cluster *cluster, bool written);

/*
 * Sets the pause after a write, to let other replicas write (`conflict`: this write lost to one)
 * and to batch more requests. Must be called before queue_write_ended, which empties the batch.
 */
void queue_pause(struct ledger_cluster *cluster, bool conflict);

/* Decides held denials again, because capacity was freed or the copy is fresh (`refreshed`). */
void queue_retry(struct ledger_cluster *cluster, bool refreshed);

/*
 * Called when a namespace was read or could not be read. Completes the requests that wait for its
 * labels; if there was no answer, they keep waiting.
 */
void queue_namespace_read(struct ledger_cluster *cluster, struct str namespace, const struct kube_answer *answer);

/* Reads the namespaces again for which requests still wait. */
void queue_read_namespaces(struct ledger_cluster *cluster);

/* The functions of struct ledger_store; `cluster` is the struct ledger_cluster. Thread-safe. */
bool queue_admit(void *cluster, struct reservation_request *request);
bool queue_labels(void *cluster, struct reservation_request *request);
void queue_fetch(void *cluster, struct reservation_request *request);

/* Completes every request as undecided, and from then on new requests as soon as they arrive. */
void queue_close(struct ledger_cluster *cluster);

/* --- record.c: the shared ledger object --- */

enum record_state {
	RECORD_UNKNOWN, /* It has not been read yet. */
	RECORD_MISSING, /* It does not exist and is being created. */
	/* It exists, but Pods that were admitted earlier may not be stored yet. */
	RECORD_SETTLING,
	RECORD_OPEN,
	/* Its form is unknown to this version: nothing is decided or written. */
	RECORD_NEWER,
};

struct record {
	enum record_state state;
	char uid[64];
	uint64_t resource_version; /* Version of the copy; 0: there is none. */
	int64_t open_ms;           /* When the settle time is over, by this replica's clock. */
	/* The view must reach this version before the record is opened; 0: not known yet. */
	uint64_t open_version;
	bool writing, reading;
	bool posting; /* The write in flight creates the record. */
	/*
	 * The copy may be outdated, because a write failed or conflicted: nothing is written
	 * against it.
	 */
	bool stale;
	bool invalidated;        /* After a restore: what is read next must settle again. */
	bool listed;             /* The current list of the watch contained it. */
	bool reset_pending;      /* The copy must settle again, and that is not written yet. */
	int64_t lost_ms;         /* Since when it is not watched; 0: it is watched. */
	uint64_t reads;          /* Number of reads that were started. */
	uint64_t version_asked;  /* Version of the copy when the read started. */
	uint64_t version_put;    /* Version of the copy that the write in flight replaces. */
	struct buf body;         /* Body of the last write. */
	struct kube_timer again; /* Delays the next read after a failure. */
	/* A read or a write failed, and the record has not recovered since. */
	bool failing;
	int64_t unwritten_ms; /* When a write last failed; 0: the last write succeeded. */
	char problem[512];    /* Why it is failing, without a final period. */
	char newer[1100];     /* Why the state is RECORD_NEWER. */
};

/* Initializes the record. The first list of its watch, or a read that follows it, fills it. */
void record_open(struct ledger_cluster *cluster);

/* Starts a read, unless one is in flight. */
void record_read(struct ledger_cluster *cluster);

/* Whether a write against the copy may start now. */
bool record_is_writable(const struct ledger_cluster *cluster);

/* Starts a write of the ledger against the copy, which must be writable. [fold, write] */
void record_write(struct ledger_cluster *cluster);

/* Rewrites the text if some replica cannot read the form in which it is written. */
void record_lower_form(struct ledger_cluster *cluster);

/*
 * Whether the record has settled and lacks the version that the view must reach before it is
 * opened. [open]
 */
bool record_wants_version(const struct ledger_cluster *cluster, int64_t now_ms);

/* Sets the version that the view must reach, and opens the record if the view has reached it. */
void record_settled(struct ledger_cluster *cluster, uint64_t version);

/* Whether the record is opened as soon as the view reaches a version that is known. */
bool record_awaits_view(const struct ledger_cluster *cluster);

/*
 * Makes the record settle again, because it belongs to another history than the Pods. `why` is
 * logged.
 */
void record_reset(struct ledger_cluster *cluster, const char *why);

/*
 * Distrusts everything that was read of the record, because the Pods turned out to be of another
 * history. Starts a read.
 */
void record_invalidate(struct ledger_cluster *cluster);

/* Periodic work, called once per tick. */
void record_tick(struct ledger_cluster *cluster, int64_t now_ms);

extern const struct kube_watch_events record_events; /* `context` is the cluster. */

/* --- watches.c: the view --- */

enum { WATCH_NAMESPACES, WATCH_NODES, WATCH_PODS, WATCH_RECORD, WATCHES };

/*
 * Creates the watches. That of Pods starts once namespaces and nodes are listed. Returns 0, or -1
 * with an error.
 */
int watches_open(struct ledger_cluster *cluster, struct error *err);

/* Called after the loop has stopped. Also accepts watches that were not created. */
void watches_close(struct ledger_cluster *cluster);

/*
 * Lists everything again after the storage was restored. This cannot be left to the watches: a
 * watch that starts at a version which the API server has not reached reports nothing, and its
 * client misses every event until then.
 */
void watches_restart(struct ledger_cluster *cluster);

/*
 * Whether the view follows the cluster: the Pods were listed completely, and their watch is open.
 * Otherwise ended Pods still count. That is safe, but denies more than necessary.
 */
bool watches_follow(const struct ledger_cluster *cluster);

/* Applies the labels of a Namespace object that was read individually. */
void watches_namespace(struct ledger_cluster *cluster, struct str json);

/* How much of a Pod in a list or an event could be read. */
enum pod_reading {
	POD_READ,
	POD_UNREADABLE, /* Only uid, name, namespace and version. */
	POD_UNKNOWN,    /* Not even those. */
	POD_LOST,       /* Out of memory. */
};

/*
 * Reads a Pod into scratch memory, which borrows from `json`. Logs and counts a Pod that cannot be
 * read.
 */
enum pod_reading watches_read_pod(struct ledger_cluster *cluster, struct str json, struct pod *pod, uint64_t *version);

/*
 * Acts on the result of applying a change to the ledger (bits of enum ledger_seen, or -1 for lost
 * data): decides again, or relists what was lost. `name` is the Pod's, for logs. Must not be called
 * under the mutex.
 */
void watches_seen(struct ledger_cluster *cluster, int seen, struct str name);

/* --- namespace_lookup.c: namespaces that the view does not know yet --- */

struct lookup; /* One read in flight. */

/*
 * Reads a namespace for a request that waits for its labels, unless that read is in flight.
 * queue_namespace_read gets the result. Returns 0, or -1 without memory.
 */
int lookup_namespace(struct ledger_cluster *cluster, struct str name);

/*
 * Reads one unknown namespace whose Pods are charged, unless such a read is in flight. Nothing is
 * decided until all are known.
 */
void lookup_for_pods(struct ledger_cluster *cluster);

/* Whether such a read is in flight. */
bool lookup_holds_up(const struct ledger_cluster *cluster);

/* Cancels all reads. */
void lookup_close(struct ledger_cluster *cluster);

/* --- maintenance.c: periodic work, and the version that the cluster has reached --- */

/*
 * Asks the API server which version the cluster has reached, and records what the answer must be
 * compared with: the state when the query was sent.
 */
struct version_query {
	bool in_flight;
	int64_t asked_ms;
	uint64_t view;   /* Version of the view. */
	uint64_t ledger; /* V of the copy; 0: there was no copy to compare. */
	char uid[64];    /* uid of the record. */
	/* Turn of the watch of Pods: the number of times it was opened or ended. */
	uint64_t turn;
};

struct maintenance {
	struct kube_timer timer;
	/* Since when the view has been behind `behind_version`; 0: it is not behind. */
	int64_t behind_ms;
	uint64_t behind_version; /* A V that the view had not reached. */
	/* When to fold by a write of its own; 0: there is nothing to fold. */
	int64_t fold_ms;
	/*
	 * When to relist the Pods if the view still is at `quiet_version`; 0: nothing waits for the
	 * view.
	 */
	int64_t quiet_ms;
	uint64_t quiet_version;
	/* The last turn of the watch of Pods for which the view is known to be of this cluster. */
	uint64_t verified_turn;
	struct version_query query;
	/* Whether the log names a Pod on a node of no model, or of several. */
	bool unfit_reported;
};

/* Starts the periodic work. */
void maintenance_open(struct ledger_cluster *cluster);

/*
 * Asks which version the cluster has reached, unless a query is in flight or nothing depends on the
 * answer. It tells whether the view still belongs to this cluster (after its watch was opened,
 * ended or completed a list), whether V can be reached, which entries to sweep, and when the record
 * may be opened.
 */
void maintenance_ask_version(struct ledger_cluster *cluster);

/*
 * Whether the view is known to belong to this cluster and not to a history that a restore has
 * undone.
 */
bool maintenance_is_verified(const struct ledger_cluster *cluster);

/*
 * Whether decisions and writes may rely on the view: it is complete, has reached V, and is
 * verified. [wait]
 */
bool maintenance_is_current(struct ledger_cluster *cluster);

/* --- comparison.c: periodic comparison of the view with a list of all Pods --- */

struct comparison {
	struct kube_timer timer; /* Next comparison, or the next page of this one. */
	bool running;
	uint64_t version; /* Version of the view when the comparison began. */
	uint64_t healed;  /* The part of ledger_healed that has been counted. */
	struct buf next;  /* Continue token of the next page; empty for the first page. */
	struct kube_request *request;
	struct kube_stream stream;
	struct error err; /* Why the page cannot be used. */
};

/* Schedules the first comparison, unless comparisons are disabled. */
void comparison_open(struct ledger_cluster *cluster);
void comparison_close(struct ledger_cluster *cluster); /* Also accepts a zeroed comparison. */

/* --- publisher.c: gpuquotas objects, for users to read --- */

struct publish {
	struct kube_watch *watch;
	struct kube_timer timer;
	bool synced;   /* A list of the published objects is complete. */
	uint32_t list; /* Number of the current list. */
	struct publish_rows rows;
	/* Policy whose quotas are published; retained. NULL: none yet. */
	const struct policy *policy;
	/* Row of each quota; NULL entries are not looked up yet, or there was no memory. */
	struct publish_row **quotas;
	uint32_t quota_count;
	/*
	 * Number of quotas that were looked up. They are visited from a random one on, by a random
	 * stride.
	 */
	uint32_t looked_up;
	uint32_t first, step;
	/* All quotas were looked up: every row without a quota of this policy belongs to none. */
	bool all_known;
	uint32_t policies; /* Number of the current policy. */
	char digest[33];   /* Digest of the policy. */
	uint64_t hash;     /* Hash of that digest. */
	/* Hashes of the last policies, the current one included; guarded by the mutex. */
	uint64_t former[PLAN_FORMER_MAX];
	unsigned former_count; /* Number of policies so far; guarded by the mutex. */
	int64_t again_ms;      /* Nothing is written before this time, because a call failed. */
	int64_t backoff_ms;
	unsigned slices; /* Number of slices of work so far. */
	unsigned busy;   /* Number of calls in flight. */
	struct buf body;
};

/* Remembers a policy that is, or is about to be, in force. The caller holds the mutex. */
void publish_note_policy(struct ledger_cluster *cluster, const struct policy *policy);

/* Starts to publish. Returns 0, or -1 with an error. */
int publish_open(struct ledger_cluster *cluster, struct error *err);

/* Lists the published objects again after the storage was restored. */
void publish_restart(struct ledger_cluster *cluster);
void publish_close(struct ledger_cluster *cluster);

/* --- The cluster ledger --- */

/* Counters for metrics. Any thread may read them. */
enum cluster_count {
	COUNT_WRITTEN,   /* Writes of the record. */
	COUNT_CONFLICTS, /* Writes that lost to another replica's. */
	COUNT_UNKNOWN,   /* Writes whose outcome is unknown. */
	COUNT_SWEPT,     /* Pending entries whose Pods were never stored. */
	COUNT_LATE,      /* Pods that were stored after their entries were swept. */
	/* Requests that could not be decided because the ledger does not work. */
	COUNT_OUTAGES,
	COUNT_BUSY,           /* Requests that could not be decided for lack of time or room. */
	COUNT_HELD,           /* Denials that were held because capacity was about to be freed. */
	COUNT_LIFTED,         /* Held denials that became admissions. */
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

struct ledger_cluster {
	struct ledger_cluster_options options;
	/* Guards `ledger`, and the fields that say so. Never held during I/O. */
	pthread_mutex_t mutex;
	struct ledger *ledger;
	struct kube_watch *watches[WATCHES];
	bool synced[WATCHES];   /* Lists that are complete; written under the mutex. */
	struct peers peers;     /* Guarded by the mutex. */
	bool listing;           /* A list of Pods is in progress. */
	uint64_t view_before;   /* Version of the view when the list of Pods began. */
	struct lookup *lookups; /* Reads in flight, each of a different namespace. */
	struct queue queue;
	struct record record;
	struct maintenance maintenance;
	struct comparison comparison;
	struct publish publish;
	struct arena scratch; /* Emptied before each object that is read. */
	_Atomic uint64_t counts[COUNTS];
	_Atomic int state;         /* Copy of record.state (enum record_state) for other threads. */
	_Atomic int64_t behind_ms; /* Copy of maintenance.behind_ms for other threads. */
	_Atomic bool stopped;
};

static inline void cluster_count(struct ledger_cluster *cluster, enum cluster_count which)
{
	atomic_fetch_add_explicit(&cluster->counts[which], 1, memory_order_relaxed);
}

/* Logs one event with the name of this replica. Borrows the strings. Thread-safe. */
void cluster_log(struct ledger_cluster *cluster, enum log_level level, const char *event, const char *message);

#endif
