/*
 * loop: the one thread that talks to the Kubernetes API server. It waits in libcurl's multi interface for sockets, for
 * timers and for tasks that other threads post. Everything that hangs on a loop (clients, watches, the cluster ledger) runs
 * its callbacks on this thread only, one after the other, and so needs no locks of its own. Nothing on it may block.
 * SIGPIPE has to be ignored by the program. The thread blocks all signals.
 */
#ifndef WEBHOOK_KUBE_LOOP_H
#define WEBHOOK_KUBE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "gpugate/error.h"

struct kube_loop;

/* Something to do on the loop's thread. Lives in its owner's memory, which must outlast the call. */
struct kube_task {
	void (*run)(void *context);
	void *context;
	struct kube_task *next; /* the loop's */
	bool posted;            /* the loop's */
};

/* A point in time to call back at. Lives in its owner's memory; zeroed and filled in by its owner before the first use. */
struct kube_timer {
	void (*run)(void *context);
	void *context;
	int64_t at_ms;                  /* the loop's */
	struct kube_timer *prev, *next; /* the loop's */
	bool armed;                     /* the loop's */
};

/* A transfer: an easy handle (its CURLOPT_PRIVATE points to this) and what to call when it ends. */
struct kube_transfer {
	CURL *easy;
	void (*ended)(void *context, CURLcode code);
	void *context;
};

/* Returns new; nothing runs before kube_loop_start. */
struct kube_loop *kube_loop_create(struct error *err);
int kube_loop_start(struct kube_loop *loop, struct error *err);

/* Ends the thread: waits for the callback under way, calls nothing any more. What hangs on the loop can then be freed. */
void kube_loop_stop(struct kube_loop *loop);
void kube_loop_destroy(struct kube_loop *loop); /* stops; takes NULL */

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t kube_now_ms(void);

/* Milliseconds as of this turn of the loop. Loop thread only. */
int64_t kube_loop_now_ms(const struct kube_loop *loop);

/* Runs the task soon, once, however often it is posted before it ran. Thread-safe; the only function that is (but for
 * create, start, stop, destroy, which belong to the owner). */
void kube_loop_post(struct kube_loop *loop, struct kube_task *task);

/* Calls back in `ms` milliseconds (0: on the next turn), instead of when it was set to before. Loop thread, or before start. */
void kube_timer_set(struct kube_loop *loop, struct kube_timer *timer, int64_t ms);
void kube_timer_clear(struct kube_loop *loop, struct kube_timer *timer);

/*
 * Starts and aborts transfers. An aborted transfer's `ended` is not called. Loop thread, before start or after stop, but
 * never from inside libcurl's own callbacks (data, headers): libcurl refuses that; a timer of 0 ms does it then. When
 * `ended` is called, the transfer is out of the loop and the handle can be used again. At most 32 connections are open at a
 * time; further transfers wait.
 */
int kube_transfer_add(struct kube_loop *loop, struct kube_transfer *transfer);
void kube_transfer_remove(struct kube_loop *loop, struct kube_transfer *transfer);

/* A random number of [least, most]: for jitter. Loop thread. */
int64_t kube_random(struct kube_loop *loop, int64_t least, int64_t most);

#endif
