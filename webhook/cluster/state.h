/* ledger_cluster_state: what the parts of the cluster's ledger share. */
#ifndef WEBHOOK_CLUSTER_STATE_H
#define WEBHOOK_CLUSTER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "webhook/cluster/store.h"
#include "webhook/kube/stream.h"
#include "webhook/kube/watch.h"
#include "webhook/ledger/ledger.h"
#include "webhook/quota/rows.h"

/* --- ledger_asks.c: questions --- */

struct request_list {
	struct reservation_request *first, **last;
};

struct queue {
	struct request_list incoming; /* under the mutex: put by any thread */
	struct request_list waiting;  /* to be decided */
	struct request_list batch;    /* admitted by a write that is under way */
	struct request_list
	    held; /* refused, unless a read of the object, or what becomes free in a moment, changes that */
	struct request_list crowded; /* no room among what is pending, which passes in a moment */
	struct request_list unknown; /* for the labels of namespaces that the view does not know yet */
	struct kube_task arrived;
	struct kube_timer timer; /* of the next deadline, or the end of the pause */
	int64_t again_ms;        /* when those without room are decided again, if nobody else is before */
	uint64_t read;           /* number of the last read of the object that ended well */
	int64_t resume_ms;       /* nothing is decided before */
	unsigned pause_ms; /* how long to leave the object to other replicas after a write; 0: none are in the way */
	bool closed;       /* under the mutex: no more waiting */
};

void queue_open(struct ledger_cluster *cluster);

/* Decides what waits, if that is possible now, and writes what was admitted. [wait, decide] */
void queue_pump(struct ledger_cluster *cluster);

/* The write of the batch has ended. What was not written is decided anew. */
void queue_write_ended(struct ledger_cluster *cluster, bool written);

/* Leaves the object alone for a moment after a write, before its batch is answered: to other replicas, if some were in the way
 * lately (`second`: one was, just now), and to gather questions. */
void queue_pause(struct ledger_cluster *cluster, bool conflict);

/* Something has become free, or the copy is fresh: refusals that are held are decided again. */
void queue_retry(struct ledger_cluster *cluster, bool refreshed);

/* A namespace was read, or could not be: tells those who wait for its labels. */
void queue_namespace_read(struct ledger_cluster *cluster, struct str namespace, const struct kube_answer *answer);

/* Has the namespaces read again that somebody still waits for. */
void queue_read_namespaces(struct ledger_cluster *cluster);

bool queue_admit(void *cluster, struct reservation_request *request);
bool queue_labels(void *cluster, struct reservation_request *request);
void queue_fetch(void *cluster, struct reservation_request *request);

/* Answers everything. */
void queue_close(struct ledger_cluster *cluster);

/* --- ledger_object.c: the shared object --- */

enum record_state {
	RECORD_UNKNOWN,  /* not read yet */
	RECORD_MISSING,  /* it does not exist; being created */
	RECORD_SETTLING, /* it exists, but what was admitted before may not have been stored yet */
	RECORD_OPEN,
	RECORD_NEWER, /* it is of a form that this version does not know: nothing is decided, and nothing is written */
};

struct record {
	enum record_state state;
	char uid[64];
	uint64_t resource_version; /* of the copy */
	int64_t open_ms;           /* when it has settled, by this replica's clock */
	uint64_t open_version;     /* the view has to reach this before it is opened; 0: that is not known yet */
	bool writing, reading;
	bool posting;            /* the write creates it */
	bool stale;              /* a write came second: there is a newer one than the copy */
	bool invalidated;        /* whatever is read next has to settle anew */
	bool listed;             /* the list of the watch had it */
	bool reset_pending;      /* the copy has to settle anew, and that is not written yet */
	int64_t lost_ms;         /* since when it is not watched; 0: it is */
	uint64_t reads;          /* that were begun */
	uint64_t version_asked;  /* of the copy when the read began */
	uint64_t version_put;    /* of the copy that the write is against */
	struct buf body;         /* of the last write */
	struct kube_timer again; /* after a failure */
	bool failing;            /* a read or a write failed, and it does not go well again yet */
	int64_t unwritten_ms;    /* when a write failed last; 0: the last one did not */
	char problem[512];       /* why, as a sentence's end */
	char newer[1100];        /* the same of OBJECT_NEWER */
};

void record_open(struct ledger_cluster *cluster);

/* Reads the object, unless that is under way. */
void record_read(struct ledger_cluster *cluster);

/* Whether the copy is one that may be written against now. */
bool record_is_writable(const struct ledger_cluster *cluster);

/* Writes what the ledger says, against the copy. [fold, write] */
void record_write(struct ledger_cluster *cluster);

/* Writes the text again if it is in a form that some replica cannot read. */
void record_lower_form(struct ledger_cluster *cluster);

/* Whether it has settled and waits for a version that the view has to reach, and such a version. [open] */
bool record_wants_version(const struct ledger_cluster *cluster, int64_t now_ms);
void record_settled(struct ledger_cluster *cluster, uint64_t version);
bool record_awaits_view(const struct ledger_cluster *cluster);

/* Has the object settle anew: it is of another history than the Pods. */
void record_reset(struct ledger_cluster *cluster, const char *why);

/* The Pods are of another history than they were: so is what was read of the object. */
void record_invalidate(struct ledger_cluster *cluster);

/* What time brings to it. */
void record_tick(struct ledger_cluster *cluster, int64_t now_ms);

extern const struct kube_watch_events record_events; /* `context` is the cluster */

/* --- ledger_watch.c: the view --- */

enum { WATCH_NAMESPACES, WATCH_NODES, WATCH_PODS, WATCH_RECORD, WATCHES };

int watches_open(struct ledger_cluster *cluster, struct error *err);
void watches_close(struct ledger_cluster *cluster);

/* Lists everything anew: the storage was restored. On a watch that begins behind a version which the API server has not reached it
 * says nothing, and what happens until then is never told. */
void watches_restart(struct ledger_cluster *cluster);

/* Whether the view follows the cluster: the watch of Pods is open, behind a complete list. While it is not, Pods that have ended still
 * count, which is safe, and refuses more than it has to. */
bool watches_follow(const struct ledger_cluster *cluster);

/* Takes the labels of a Namespace object that was read for itself. */
void watches_namespace(struct ledger_cluster *cluster, struct str json);

/* What could be read of a Pod of a list or an event. */
enum pod_reading {
	POD_READ,
	POD_UNREADABLE, /* uid, name, namespace and version only */
	POD_UNKNOWN,    /* not even that */
	POD_LOST,       /* there was no memory to read it */
};
enum pod_reading watches_read_pod(struct ledger_cluster *cluster, struct str json, struct pod *pod, uint64_t *version);

/* What the ledger says about a change (bits of enum ledger_seen, or -1): decides anew, or lists anew. */
void watches_seen(struct ledger_cluster *cluster, int seen, struct str name);

/* --- ledger_lookup.c: namespaces that the view does not know yet --- */

struct lookup; /* one that is being read */

/* Reads a namespace for a question that waits for its labels, unless that is under way: asks_looked_up hears of it. Returns -1 without
 * memory. */
int lookup_namespace(struct ledger_cluster *cluster, struct str name);

/* Reads one whose Pods are charged although it is not known, unless that is under way: nothing is decided before. */
void lookup_for_pods(struct ledger_cluster *cluster);

/* Whether such a one is being read. */
bool lookup_holds_up(const struct ledger_cluster *cluster);

void lookup_close(struct ledger_cluster *cluster);

/* --- ledger_upkeep.c: what time brings --- */

/* The one thing that is asked of the cluster: which version it has reached. What was so when that was asked is noted, since only
 * that can be compared with the answer. */
struct version_query {
	bool in_flight;
	int64_t asked_ms;
	uint64_t view;   /* version of the view */
	uint64_t ledger; /* of the copy, V; 0: there was none to be compared */
	char uid[64];    /* of its object */
	uint64_t turn;   /* of the watch of Pods */
};

struct maintenance {
	struct kube_timer timer;
	int64_t behind_ms;       /* since when the view is behind `behind_version`; 0: it is not behind */
	uint64_t behind_version; /* a V that the view had not reached */
	int64_t fold_ms;         /* when to write even if nothing is admitted */
	int64_t
	    quiet_ms; /* when the Pods are listed if the view is at `quiet_version` still; 0: nothing waits for it */
	uint64_t quiet_version;
	uint64_t verified_turn; /* up to which turn of the watch of Pods the view is known to be of this cluster */
	struct version_query query;
	bool unfit_reported; /* that a Pod is bound to a node of no model, or of several */
};

void maintenance_open(struct ledger_cluster *cluster);

/* Asks which version the cluster has reached, if somebody wants to know: whether the view is still this cluster's, after its watch
 * was opened, has ended, or has listed all; whether V can be reached; what is to be swept; when the object may be opened. */
void maintenance_ask_version(struct ledger_cluster *cluster);

/* Whether it is known that the view is this cluster's: nothing is decided by a view of a history that was lost. */
bool maintenance_is_verified(const struct ledger_cluster *cluster);

/* Whether decisions, and what is written, may rest on the view: it is complete, has reached V, and is this cluster's. [wait] */
bool maintenance_is_current(struct ledger_cluster *cluster);

/* --- ledger_check.c: compares the view with a list of all Pods, now and then --- */

struct comparison {
	struct kube_timer timer; /* of the next comparison, or of the next page of this one */
	bool running;
	uint64_t version; /* of the view when it began */
	uint64_t healed;  /* as ledger_healed says, of what has been counted */
	struct buf next;  /* continue token of the next page; empty: the list is at its beginning */
	struct kube_request *request;
	struct kube_stream stream;
	struct error err; /* why a page cannot be used */
};

void comparison_open(struct ledger_cluster *cluster);
void comparison_close(struct ledger_cluster *cluster); /* takes a zeroed one, too */

/* --- ledger_publish.c: what people read --- */

struct publish {
	struct kube_watch *watch;
	struct kube_timer timer;
	bool synced;   /* it is known what is published */
	uint32_t list; /* counts lists of that */
	struct publish_rows rows;
	const struct policy *policy; /* whose quotas are published, retained; NULL: none yet */
	struct publish_row **quotas; /* by its quotas; NULL: not looked up yet, or there is no memory */
	uint32_t quota_count;
	uint32_t looked_up; /* how many of them were; from a random one on, in steps of a random width */
	uint32_t first, step;
	bool all_known;                   /* all were, and all rows that are not of them are of no quota */
	uint32_t policies;                /* counts policies */
	char digest[33];                  /* of the policy */
	uint64_t hash;                    /* of that digest */
	uint64_t former[PLAN_FORMER_MAX]; /* under the mutex: of all policies of late, the present one among them */
	unsigned former_count;            /* under the mutex: there ever were */
	int64_t again_ms;                 /* nothing is written before, as writing has failed */
	int64_t backoff_ms;
	unsigned slices; /* counts slices of the work */
	unsigned busy;   /* calls under way */
	struct buf body;
};

/* Remembers a policy, under the mutex: another one is in force by now, or will be. */
void publish_note_policy(struct ledger_cluster *cluster, const struct policy *policy);

int publish_open(struct ledger_cluster *cluster, struct error *err);

/* Lists anew what is published: the storage was restored. */
void publish_restart(struct ledger_cluster *cluster);
void publish_close(struct ledger_cluster *cluster);

/* --- together --- */

/* Numbers for metrics; any thread reads them. */
enum cluster_count {
	COUNT_WRITTEN,        /* writes of the object */
	COUNT_CONFLICTS,      /* ... that came second */
	COUNT_UNKNOWN,        /* ... whose outcome is not known */
	COUNT_SWEPT,          /* pending entries whose Pods never came */
	COUNT_LATE,           /* Pods that came after they were swept */
	COUNT_OUTAGES,        /* questions that could not be decided, as the ledger does not work */
	COUNT_BUSY,           /* ... as there was no time or no room for them */
	COUNT_HELD,           /* refusals that were held for a moment */
	COUNT_LIFTED,         /* ... and then became admissions */
	COUNT_RESETS,         /* times the object had to settle anew */
	COUNT_PUBLISHED,      /* gpuquotas objects that were written */
	COUNT_RETIRED,        /* ... that were deleted */
	COUNT_UNPUBLISHED,    /* ... that could not be */
	COUNT_UNREADABLE,     /* objects in lists and watches that could not be read */
	COUNT_COMPARED,       /* comparisons of the view with a list of all Pods */
	COUNT_COMPARE_FAILED, /* ... that failed */
	COUNT_HEALED,         /* Pods that such a comparison has put right */
	COUNTS,
};

struct ledger_cluster {
	struct ledger_cluster_options options;
	pthread_mutex_t mutex; /* over `ledger` and what says so; never held over I/O */
	struct ledger *ledger;
	struct kube_watch *watches[WATCHES];
	bool synced[WATCHES];   /* under the mutex */
	struct peers peers;     /* under the mutex */
	bool listing;           /* a list of Pods is under way */
	uint64_t view_before;   /* version of the view when the list of Pods began */
	struct lookup *lookups; /* under way, each of another namespace */
	struct queue queue;
	struct record record;
	struct maintenance maintenance;
	struct comparison comparison;
	struct publish publish;
	struct arena scratch; /* of the loop's thread, emptied for each object that is read */
	_Atomic uint64_t counts[COUNTS];
	_Atomic int state;         /* enum object_state, for other threads */
	_Atomic int64_t behind_ms; /* upkeep.behind_ms, for other threads */
	_Atomic bool stopped;
};

static inline void cluster_count(struct ledger_cluster *cluster, enum cluster_count which)
{
	atomic_fetch_add_explicit(&cluster->counts[which], 1, memory_order_relaxed);
}

/* Logs one sentence. */
void cluster_log(struct ledger_cluster *cluster, enum log_level level, const char *event, const char *message);

#endif
