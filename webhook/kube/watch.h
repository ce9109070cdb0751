/*
 * watch: keeps up with one collection of objects. First everything that exists, then every change in order, for ever:
 * WatchList (sendInitialEvents) where the server offers it, else a consistent list in pages and a watch from its version.
 * A stream that ends, fails, stays silent or has expired (410, also as an ERROR event) is followed by the next one, from the
 * last version if the server still has it, else by a new list. It never gives up: back-off is 0.8 s doubling to 30 s with
 * jitter, and a stream that had lasted resets it. Objects come one at a time as bytes; memory holds one of them.
 */
#ifndef WEBHOOK_KUBE_WATCH_H
#define WEBHOOK_KUBE_WATCH_H

#include "webhook/base/log.h"
#include "webhook/kube/client.h"
#include "webhook/kube/resource_version.h"

/*
 * Callbacks, on the loop's thread. The order of calls is: begin, any number of `listed`, synced, any number of changes,
 * and again begin, ... when a new list was needed. What is not among the `listed` between begin and synced does not exist any more.
 * A begin may follow a begin: the list under way broke off. A WatchList tells of what happens while it is under way: an object may
 * be `listed` again, newer, and `changed` with `gone` may come before synced, of one that was listed and exists no more.
 *
 * A callback may call kube_watch_relist and kube_watch_live, but not destroy the watch. It must not assume that `json` is JSON
 * beyond its metadata.resourceVersion: its reader checks it.
 */
struct kube_watch_events {
	void (*begin)(void *context);
	/* An object that exists. `json` is followed by REVIEW_PADDING readable bytes; borrowed during the call. */
	void (*listed)(void *context, struct str json);
	/* All have been listed; `version` is that of the list. */
	void (*synced)(void *context, uint64_t version);
	/* ADDED or MODIFIED; DELETED (`gone`). `json` is the object. */
	void (*changed)(void *context, bool gone, struct str json);
	/* Everything up to this version has been told: of a BOOKMARK event. */
	void (*bookmark)(void *context, uint64_t version);
	void *context;
	/* A stream was opened, or has come to its end: `turns` of the counts has grown. NULL: nobody wants to know. */
	void (*turned)(void *context);
	/* A list failed, and will be tried again; `problem` is a sentence, borrowed during the call. NULL: nobody wants to know. */
	void (*list_failed)(void *context, const char *problem);
};

/* How long is what, in milliseconds. */
struct kube_watch_timing {
	int64_t open_ms;    /* to the headers of an answer */
	int64_t silence_ms; /* a stream on which nothing came for so long is dead: bookmarks come about every 60 s */
	int64_t backoff_ms; /* the first wait after a failure; each further one waits twice as long, with jitter, */
	int64_t backoff_max_ms; /* up to this */
	int64_t lasted_ms;      /* a stream that was open for so long resets that */
	int64_t refused_ms;     /* a server that has refused WatchList is asked for it again after this */
};

struct kube_watch_options {
	const char *name;  /* for logs and metrics: "pods" */
	const char *path;  /* "/api/v1/pods" */
	const char *query; /* more of the query, such as "fieldSelector=..."; NULL: none */
	bool metadata;     /* names, labels and the like are enough */
	unsigned page;     /* objects of a page of a list; 0: 500 */
	struct kube_watch_events events;
	struct log *log;                        /* may be NULL */
	const struct kube_watch_timing *timing; /* NULL: the usual: 30 s, 90 s, 0.8 s, 30 s, 10 s, an hour. Copied */
};

struct kube_watch;

/* Returns new; begins when kube_watch_start is called on the loop's thread or before the loop starts. Borrows the client
 * and the strings. */
struct kube_watch *kube_watch_create(struct kube_loop *loop, struct kube_client *client,
				     const struct kube_watch_options *options, struct error *err);
void kube_watch_destroy(
    struct kube_watch *watch); /* after the loop has stopped, before client and loop are destroyed; takes NULL */
void kube_watch_start(struct kube_watch *watch);

/* Forgets the version and lists anew: what is known may be of another history. A pause after a failure is not shortened by it, and
 * who asks for it during every list waits in between.
 * Loop thread. */
void kube_watch_relist(struct kube_watch *watch);

/* Whether a list has been complete and the stream after it is open. Loop thread, or after it has stopped. */
bool kube_watch_live(const struct kube_watch *watch);

/* When the server was heard of last (an event, a bookmark, the opening of a stream), by kube_now_ms; 0: never. Thread-safe. */
int64_t kube_watch_heard_ms(const struct kube_watch *watch);

/* For metrics; thread-safe. */
struct kube_watch_counts {
	uint64_t lists;    /* complete ones */
	uint64_t streams;  /* that were opened */
	uint64_t turns;    /* opened or ended, also before they were opened */
	uint64_t failures; /* of lists and streams; a stream's orderly end is none */
	uint64_t events;   /* objects: listed, changed, bookmarks */
};
void kube_watch_counts(const struct kube_watch *watch, struct kube_watch_counts *counts);

#endif
