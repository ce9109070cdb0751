/*
 * watch_state: the state of a watch, shared by two files: watch.c makes the calls and decides what follows them, and
 * watch_apply.c applies what they bring.
 */
#ifndef WEBHOOK_KUBE_WATCH_STATE_H
#define WEBHOOK_KUBE_WATCH_STATE_H

#include <stdatomic.h>

#include "webhook/kube/stream.h"
#include "webhook/kube/watch.h"
#include "webhook/kube/watch_event.h"

enum kube_watch_phase {
	PAUSED,     /* the timer begins what comes next */
	LISTING,    /* a page of a list */
	WATCH_LIST, /* a stream that begins with everything that exists */
	WATCHING,   /* a stream of changes */
};

struct kube_watch {
	struct kube_loop *loop;
	struct kube_client *client;
	struct kube_watch_options options;
	struct kube_watch_timing timing;
	enum kube_watch_phase phase;
	struct kube_timer pause;
	struct buf next;       /* continue token of the next page; empty: the list is at its beginning */
	uint64_t version;      /* up to which everything has been told; 0: a list is needed */
	uint64_t list_version; /* of the list under way */
	bool begun;            /* `begin` has been told for the list under way */
	bool calling;          /* callbacks are on the stack */
	bool relist;           /* one of them asked for it */
	unsigned expired;      /* versions in a row that the server did not have any more */
	unsigned barren;       /* streams in a row that failed without an event: their version may be at fault */
	unsigned useless;      /* lists in a row that broke off as a callback asked for a new one */
	unsigned unfinished;   /* WatchLists in a row that did not come to their end: the server cannot do it */
	int64_t backoff_ms;    /* of the next wait */
	int64_t refuses_until; /* the server does not do WatchList */

	/* Of the call under way: */
	struct kube_request *request;
	struct kube_stream stream;
	struct error err;         /* why `received` ended it */
	struct kube_status error; /* of an ERROR event */
	int64_t opened_ms;        /* 0: not open */
	bool told;                /* an event has been */

	atomic_int_fast64_t heard_ms;
	atomic_uint_fast64_t lists, streams, turns, failures, events;
};

/* Tells `begin`, once for a list. */
void kube_watch_begin(struct kube_watch *watch);

/* All of a list has been told: its version is the watch's from now on. */
void kube_watch_synced(struct kube_watch *watch, uint64_t version);

/* Tells an item of a list or an event; `context` is the watch. Returns 0, or -1 with what ends the stream. */
int kube_watch_take(void *context, struct str type, struct str json, struct error *err);

#endif
