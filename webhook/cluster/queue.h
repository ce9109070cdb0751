/*
 * queue: requests from admission, from their arrival to their completion. decide.c decides them,
 * labels.c serves those that ask for labels, and completion.c completes all of them.
 *
 * Everything runs on the loop's thread, except queue_admit and queue_fetch.
 */
#ifndef WEBHOOK_CLUSTER_QUEUE_H
#define WEBHOOK_CLUSTER_QUEUE_H

#include "webhook/cluster/request_list.h"
#include "webhook/kube/loop.h"

struct ledger_cluster;

/* What a request waits for: a decision, or the labels of its namespace. */
enum request_kind { REQUEST_ADMIT, REQUEST_LABELS };

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
	struct request_list backpressure;
	/* Requests for labels that the view does not know: their namespace is to be read. */
	struct request_list unasked;
	/* The same; their namespace is being read, or could not be read until the next tick. */
	struct request_list unknown;
	struct kube_task arrived;
	struct kube_timer timer; /* Next deadline, or the end of a pause. */
	int64_t again_ms;        /* When the crowded requests are decided again at the latest. */
	/* The last successful read of the record after which held denials were decided again. */
	uint64_t read;
	int64_t resume_ms; /* Nothing is decided before this time; 0: no pause. */
	unsigned pause_ms; /* Maximum back-off after a write; 0: no recent conflicts. */
	bool closed;       /* Nothing may wait any more; guarded by the mutex. */
};

/* Initializes the queue of a zeroed cluster. */
void queue_open(struct ledger_cluster *cluster);

/* Functions of struct ledger_store; `cluster` is the struct ledger_cluster. Thread-safe. */
bool queue_admit(void *cluster, struct reservation_request *request);
void queue_fetch(void *cluster, struct reservation_request *request);

/*
 * Sets the pause after a write, to let other replicas write (`conflict`: this write lost to one)
 * and to batch more requests. Must be called before queue_write_ended, which empties the batch.
 */
void queue_pause(struct ledger_cluster *cluster, bool conflict);

/*
 * Called when the write of the batch has ended. Completes the batch, or queues it to be decided
 * again if `written` is false.
 */
void queue_write_ended(struct ledger_cluster *cluster, bool written);

/* Has held denials decided again, because capacity may be free or the copy is newer. */
void queue_retry(struct ledger_cluster *cluster);

/* Whether any request should be decided now. */
bool queue_is_wanted(const struct queue *queue, int64_t now_ms);

/*
 * Completes all requests that wait for a decision as undecided; the write in flight keeps its
 * batch.
 */
void queue_deny(struct ledger_cluster *cluster, const char *why);

/* Sets the timer to the next deadline, or to the end of a pause. */
void queue_set_timer(struct ledger_cluster *cluster);

/* Completes every request as undecided, and from then on new requests as soon as they arrive. */
void queue_close(struct ledger_cluster *cluster);

#endif
