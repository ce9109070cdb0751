/*
 * watch: follows one collection of objects: first everything that exists, then every change in
 * order.
 *
 * It uses WatchList (sendInitialEvents) if the server supports it, and otherwise a consistent list
 * in pages followed by a watch from the list's version. A stream may end, fail, stay silent or
 * expire (410, also as an ERROR event). The next one then starts from the last version, or with a
 * new list if the server no longer has that version. A watch never gives up. It backs off from
 * 0.8 s, doubling up to 30 s with jitter, and resets that after a stream that lasted.
 *
 * Objects are delivered one at a time as bytes, and memory holds only one of them.
 */
#ifndef WEBHOOK_KUBE_WATCH_H
#define WEBHOOK_KUBE_WATCH_H

#include "webhook/base/log.h"
#include "webhook/kube/client.h"
#include "webhook/kube/resource_version.h"

/*
 * Callbacks, on the loop's thread. The order is: begin, any number of `listed`, synced, any number
 * of changes. After that, begin follows again if a new list is needed. Objects that were not
 * `listed` between begin and synced no longer exist. A second begin may come before synced: the
 * list was interrupted and starts again.
 *
 * A WatchList also reports changes that occur while it is running. A newer state of an object may
 * be `listed` again. `changed` with `gone` may come before synced, for an object that was listed
 * and has been deleted.
 *
 * A callback may call kube_watch_relist and kube_watch_live, but must not destroy the watch. It
 * must validate `json`: the watch itself reads only its metadata.resourceVersion.
 */
struct kube_watch_events {
	void (*begin)(void *context);
	/*
	 * An object that exists. `json` is followed by REVIEW_PADDING readable bytes and borrowed
	 * during the call.
	 */
	void (*listed)(void *context, struct str json);
	/* All objects have been listed; `version` is the version of the list. */
	void (*synced)(void *context, uint64_t version);
	/* ADDED or MODIFIED, or DELETED if `gone` is set. `json` is the object, as in `listed`. */
	void (*changed)(void *context, bool gone, struct str json);
	/* A BOOKMARK event: everything up to this version has been reported. */
	void (*bookmark)(void *context, uint64_t version);
	void *context;
	/*
	 * A stream was opened or has ended: kube_watch_counts.transitions has grown. May be NULL.
	 */
	void (*turned)(void *context);
	/*
	 * A list failed and will be retried. `status` is that of the answer; 0: there was none.
	 * `problem` is a sentence, borrowed during the call. May be NULL.
	 */
	void (*list_failed)(void *context, unsigned status, const char *problem);
};

/* Timeouts, in milliseconds. */
struct kube_watch_timing {
	int64_t open_ms; /* Until the headers of a response. */
	/*
	 * A stream without data for this long is considered dead; bookmarks come about every 60 s.
	 */
	int64_t silence_ms;
	/* Delay after the first failure. It doubles after each further failure, with jitter. */
	int64_t backoff_ms;
	int64_t backoff_max_ms; /* Maximum delay. */
	int64_t lasted_ms;      /* A stream that was open for this long resets the delay. */
	/* After a server has refused WatchList, it is tried again after this time. */
	int64_t unsupported_ms;
};

struct kube_watch_options {
	const char *name; /* For logs and metrics: "pods". */
	const char *path; /* "/api/v1/pods" */
	/* Additional query parameters, such as "fieldSelector=..."; NULL: none. */
	const char *query;
	bool metadata; /* Requests only metadata. */
	unsigned page; /* Objects per page of a list; 0: 500. */
	struct kube_watch_events events;
	struct log *log; /* May be NULL. */
	/* Copied. NULL: the defaults, 30 s, 90 s, 0.8 s, 30 s, 10 s and one hour. */
	const struct kube_watch_timing *timing;
};

struct kube_watch;

/*
 * Returns new, or NULL with an error. Borrows the loop, the client and the strings. Nothing happens
 * before kube_watch_start, which is called on the loop's thread or before the loop starts.
 */
struct kube_watch *kube_watch_create(struct kube_loop *loop, struct kube_client *client,
				     const struct kube_watch_options *options, struct error *err);
/* Called after the loop has stopped, before the client and the loop are destroyed; takes NULL. */
void kube_watch_destroy(struct kube_watch *watch);
void kube_watch_start(struct kube_watch *watch);
/*
 * Sets another path, borrowed, for the next list or stream. Loop thread, or before the loop starts.
 */
void kube_watch_set_path(struct kube_watch *watch, const char *path);

/*
 * Discards the version and lists again, because the state may belong to another history. It does
 * not shorten a pause after a failure. A caller that does this during every list waits between
 * lists. Loop thread only.
 */
void kube_watch_relist(struct kube_watch *watch);

/*
 * Whether a list is complete and the stream after it is open. Loop thread, or after it has stopped.
 */
bool kube_watch_live(const struct kube_watch *watch);

/*
 * When the server last sent anything (an event, a bookmark, or the headers of a stream or list), by
 * kube_now_ms; 0: never. Thread-safe.
 */
int64_t kube_watch_last_activity_ms(const struct kube_watch *watch);

/* Counters for metrics. kube_watch_counts is thread-safe. */
struct kube_watch_counts {
	uint64_t lists;   /* Complete lists. */
	uint64_t streams; /* Streams that were opened. */
	/*
	 * Streams that were opened or have ended, including those that ended before they were
	 * opened.
	 */
	uint64_t transitions;
	/* Failed lists and streams; the regular end of a stream does not count. */
	uint64_t failures;
	uint64_t events; /* Objects: listed, changed and bookmarks. */
};
void kube_watch_counts(const struct kube_watch *watch, struct kube_watch_counts *counts);

#endif
