/*
 * watch_state: the state of a watch. watch.c makes the calls and decides what follows them.
 * watch_apply.c applies what they deliver. Loop thread only, except for the atomics.
 */
#ifndef WEBHOOK_KUBE_WATCH_STATE_H
#define WEBHOOK_KUBE_WATCH_STATE_H

#include <stdatomic.h>

#include "webhook/kube/stream.h"
#include "webhook/kube/watch.h"
#include "webhook/kube/watch_event.h"

enum kube_watch_phase {
	PAUSED,     /* The timer `pause` starts the next step. */
	LISTING,    /* Requests a page of a list. */
	WATCH_LIST, /* A stream that begins with everything that exists. */
	WATCHING,   /* A stream of changes. */
};

struct kube_watch {
	struct kube_loop *loop;
	struct kube_client *client;
	struct kube_watch_options options;
	struct kube_watch_timing timing;
	enum kube_watch_phase phase;
	struct kube_timer pause;
	struct buf next; /* Continue token of the next page; empty: the list is at its beginning. */
	/* Everything up to this version has been reported; 0: a list is needed. */
	uint64_t version;
	uint64_t list_version; /* Version of the list in progress. */
	bool begun;            /* `begin` was called for the list in progress. */
	bool calling;          /* Callbacks are on the stack. */
	bool relist;           /* One of them requested a new list. */
	/* Number of consecutive calls that failed because their version had expired (410). */
	unsigned expired;
	/*
	 * Number of consecutive streams that failed without an event: their version may be the
	 * cause.
	 */
	unsigned empty_streams;
	/* Number of consecutive lists that ended because a callback requested a new one. */
	unsigned useless;
	/*
	 * Number of consecutive WatchLists that were opened but not completed: the server may not
	 * support it.
	 */
	unsigned unfinished;
	int64_t backoff_ms;        /* Upper bound of the next delay. */
	int64_t unsupported_until; /* No WatchList before this time, by kube_loop_now_ms. */

	/* The fields below belong to the call in progress. */
	struct kube_request *request;
	struct kube_stream stream;
	struct error err;         /* Why `received` ended the call. */
	struct kube_status error; /* Content of an ERROR event. */
	int64_t opened_ms;        /* 0: not open. */
	bool notified;            /* An event of a stream of changes was reported. */

	atomic_int_fast64_t last_activity_ms;
	atomic_uint_fast64_t lists, streams, transitions, failures, events;
};

/* Calls `begin`, once per list. */
void kube_watch_begin(struct kube_watch *watch);

/* Ends a list: its version becomes that of the watch, and `synced` is called. */
void kube_watch_synced(struct kube_watch *watch, uint64_t version);

/*
 * Reports an item of a list, or an event. `context` is the watch. Returns 0, or -1 with an error
 * that ends the stream.
 */
int kube_watch_take(void *context, struct str type, struct str json, struct error *err);

#endif
