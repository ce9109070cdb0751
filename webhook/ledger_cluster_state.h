/* ledger_cluster_state: what the parts of the cluster's ledger share. */
#ifndef WEBHOOK_LEDGER_CLUSTER_STATE_H
#define WEBHOOK_LEDGER_CLUSTER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "webhook/kube_watch.h"
#include "webhook/ledger.h"
#include "webhook/ledger_cluster.h"
#include "webhook/ledger_namespaces.h"
#include "webhook/publish_rows.h"

/* --- ledger_asks.c: questions --- */

struct ask_list {
	struct ledger_ask *first, **last;
};

struct asks {
	struct ask_list incoming; /* under the mutex: put by any thread */
	struct ask_list waiting;  /* to be decided */
	struct ask_list batch;    /* admitted by a write that is under way */
	struct ask_list held;     /* refused, unless something becomes free in a moment */
	struct ask_list crowded;  /* no room among what is pending, which passes in a moment */
	struct ask_list unknown;  /* their namespaces are being read */
	struct kube_task arrived;
	struct kube_timer timer; /* of the next deadline, or the end of the pause */
	int64_t again_ms;        /* when those without room are decided again */
	int64_t resume_ms;       /* nothing is decided before */
	unsigned pause_ms; /* how long to leave the object to other replicas after a write; 0: none are in the way */
	bool closed;       /* under the mutex: no more waiting */
};

void asks_open(struct ledger_cluster *cluster);

/* Decides what waits, if that is possible now, and writes what was admitted. [wait, decide] */
void asks_pump(struct ledger_cluster *cluster);

/* The write of the batch has ended. What was not written is decided anew. */
void asks_written(struct ledger_cluster *cluster, bool written);

/* Leaves the object alone for a moment after a write, before its batch is answered: to other replicas, if some were in the way
 * lately (`second`: one was, just now), and to gather questions. */
void asks_pause(struct ledger_cluster *cluster, bool second);

/* Something has become free, or the copy is fresh: refusals that are held are decided again. */
void asks_again(struct ledger_cluster *cluster, bool refreshed);

bool asks_admit(void *cluster, struct ledger_ask *ask);
bool asks_labels(void *cluster, struct ledger_ask *ask);
void asks_fetch(void *cluster, struct ledger_ask *ask);

/* Answers everything. */
void asks_close(struct ledger_cluster *cluster);

/* --- ledger_object.c: the shared object --- */

enum object_state {
	OBJECT_UNKNOWN,  /* not read yet */
	OBJECT_MISSING,  /* it does not exist; being created */
	OBJECT_SETTLING, /* it exists, but what was admitted before may not have been stored yet */
	OBJECT_OPEN,
};

struct object {
	enum object_state state;
	char uid[64];
	uint64_t resource_version; /* of the copy */
	int64_t open_ms;           /* when this replica wants to open it */
	bool opening;              /* the Pods are being listed for that */
	bool writing, reading;
	bool posting;            /* the write creates it */
	bool stale;              /* a write came second: there is a newer one than the copy */
	bool distrusted;         /* whatever is read next has to settle anew */
	bool listed;             /* the list of the watch had it */
	bool resettle;           /* the copy has to settle anew, and that is not written yet */
	int64_t lost_ms;         /* since when it is not watched; 0: it is */
	uint64_t version_asked;  /* of the copy when the read began */
	uint64_t version_put;    /* of the copy that the write is against */
	struct buf body;         /* of the last write */
	struct kube_timer again; /* after a failure */
	bool failing;            /* a read or a write failed, and it does not go well again yet */
	int64_t unwritten_ms;    /* when a write failed last; 0: the last one did not */
	char problem[512];       /* why, as a sentence's end */
};

void object_open(struct ledger_cluster *cluster);

/* Reads the object, unless that is under way. */
void object_read(struct ledger_cluster *cluster);

/* Whether the copy is one that may be written against now. */
bool object_writable(const struct ledger_cluster *cluster);

/* Writes what the ledger says, against the copy. [fold, write] */
void object_write(struct ledger_cluster *cluster);

/* The list of Pods that opening waits for is complete. [open] */
void object_listed(struct ledger_cluster *cluster);

/* Has the object settle anew: what it says cannot be read, or does not fit the Pods. */
void object_resettle(struct ledger_cluster *cluster, const char *why);

/* The Pods are of another history than they were: so is what was read of the object. */
void object_distrust(struct ledger_cluster *cluster);

/* What time brings to it. */
void object_tick(struct ledger_cluster *cluster, int64_t now_ms);

extern const struct kube_watch_events object_events; /* `context` is the cluster */

/* --- ledger_watch.c: the view --- */

enum { WATCH_NAMESPACES, WATCH_NODES, WATCH_PODS, WATCH_OBJECT, WATCHES };

int watches_open(struct ledger_cluster *cluster, struct error *err);
void watches_close(struct ledger_cluster *cluster);

/* Lists everything anew: the storage was restored. On a watch that begins behind a version which the API server has not reached it
 * says nothing, and what happens until then is never told. */
void watches_restart(struct ledger_cluster *cluster);

/* Takes the labels of a Namespace object that was read for itself. */
void watches_namespace(struct ledger_cluster *cluster, struct str json);

/* Reads a namespace whose Pods are charged although it is not known yet, unless that is under way. */
void watches_read_stranger(struct ledger_cluster *cluster);

/* What the ledger says about a change (bits of enum ledger_seen, or -1): decides anew, or lists anew. */
void watches_seen(struct ledger_cluster *cluster, int seen, struct str name);

/* --- ledger_upkeep.c: what time brings --- */

#define UPKEEP_SEARCHES 8

/* A Pod that is being looked for. */
struct upkeep_search {
	struct ledger_cluster *cluster;
	char uid[64 + 1];
};

struct upkeep {
	struct kube_timer timer;
	int64_t behind_ms;   /* since when the view is behind; 0: it is not */
	int64_t fold_ms;     /* when to write even if nothing is admitted */
	bool asking;         /* a quorum list of one Pod is under way */
	uint64_t view_asked; /* version of the view when that began */
	uint64_t turns,
	    turns_asked; /* of the watch of Pods: up to which one the view is of this cluster, and when that was asked */
	bool unfit_told;   /* that a Pod is bound to a node of no model, or of several */
	unsigned sweeping; /* searches under way; the next begin when all have ended */
	struct upkeep_search searches[UPKEEP_SEARCHES];
};

void upkeep_open(struct ledger_cluster *cluster);

/* The watch of Pods was opened, has ended, or has listed all: asks whether the view is still this cluster's. */
void upkeep_doubt(struct ledger_cluster *cluster);

/* Whether that has been answered since: nothing is decided by a view of a history that was lost. */
bool upkeep_sure(const struct ledger_cluster *cluster);

/* Whether decisions, and what is written, may rest on the view: it is complete, has reached V, and is this cluster's. [wait] */
bool upkeep_current(struct ledger_cluster *cluster);

/* --- ledger_publish.c: what people read --- */

struct publish {
	struct kube_watch *watch;
	struct kube_timer timer;
	bool synced; /* it is known what is published */
	struct publish_rows rows;
	struct publish_row **quotas; /* of each quota of the policy; an element may be NULL */
	uint32_t quota_count;
	struct holders *holders;
	char policy[33];                  /* digest of the policy that `quotas` belongs to; empty: none yet */
	uint64_t hash;                    /* of that digest */
	uint64_t former[PLAN_FORMER_MAX]; /* under the mutex: of all policies of late, the present one among them */
	unsigned former_count;            /* under the mutex: there ever were */
	int64_t survey_ms;                /* when the ledger is summed next: large ones less often */
	int64_t again_ms;                 /* nothing is written before, as writing has failed */
	int64_t backoff_ms;
	unsigned busy; /* calls under way */
	struct buf body;
};

/* Remembers a policy, under the mutex: another one is in force by now, or will be. */
void publish_note_policy(struct ledger_cluster *cluster, const struct policy *policy);

int publish_open(struct ledger_cluster *cluster, struct error *err);
void publish_close(struct ledger_cluster *cluster);

/* --- together --- */

/* Numbers for metrics; any thread reads them. */
enum cluster_count {
	COUNT_WRITTEN,     /* writes of the object */
	COUNT_CONFLICTS,   /* ... that came second */
	COUNT_UNKNOWN,     /* ... whose outcome is not known */
	COUNT_SWEPT,       /* pending entries whose Pods never came */
	COUNT_LATE,        /* Pods that came after they were swept */
	COUNT_OUTAGES,     /* questions that could not be decided */
	COUNT_HELD,        /* refusals that were held for a moment */
	COUNT_LIFTED,      /* ... and then became admissions */
	COUNT_RESETTLED,   /* times the object had to settle anew */
	COUNT_PUBLISHED,   /* gpuquotas objects that were written */
	COUNT_RETIRED,     /* ... that were deleted */
	COUNT_UNPUBLISHED, /* ... that could not be */
	COUNT_UNREADABLE,  /* objects in lists and watches that could not be read */
	COUNTS,
};

struct ledger_cluster {
	struct ledger_cluster_options options;
	pthread_mutex_t mutex; /* over `ledger` and what says so; never held over I/O */
	struct ledger *ledger;
	struct kube_watch *watches[WATCHES];
	bool synced[WATCHES]; /* under the mutex */
	struct peers peers;   /* under the mutex */
	bool listing;         /* a list of Pods is under way */
	uint64_t view_before; /* version of the view when the list of Pods began */
	char stranger[254];   /* the namespace that is being read, see watches_read_stranger; empty: none is */
	struct asks asks;
	struct object object;
	struct upkeep upkeep;
	struct publish publish;
	struct ledger_namespaces namespaces;
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
