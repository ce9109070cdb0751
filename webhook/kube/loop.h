/*
 * loop: the one thread that talks to the Kubernetes API server.
 *
 * It waits in libcurl's multi interface for sockets, timers, and tasks that other threads post.
 * Clients, watches and the cluster ledger run all their callbacks on this thread, one at a time,
 * and therefore need no locks among themselves. No callback may block. The program must ignore
 * SIGPIPE. The thread blocks all signals.
 */
#ifndef WEBHOOK_KUBE_LOOP_H
#define WEBHOOK_KUBE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "gpugate/error.h"

struct kube_loop;

/*
 * Work to run on the loop's thread. The owner provides the memory, which must stay valid until
 * `run` is called.
 */
struct kube_task {
	void (*run)(void *context);
	void *context;
	struct kube_task *next; /* Private to the loop. */
	bool posted;            /* Private to the loop. */
};

/*
 * A timer. The owner provides the memory, zeroes it, and sets `run` and `context` before the first
 * use.
 */
struct kube_timer {
	void (*run)(void *context);
	void *context;
	int64_t at_ms;                  /* Private to the loop. */
	struct kube_timer *prev, *next; /* Private to the loop. */
	bool armed;                     /* Private to the loop. */
};

/*
 * A transfer: an easy handle and the callback for its end. CURLOPT_PRIVATE of the handle points to
 * this struct.
 */
struct kube_transfer {
	CURL *easy;
	void (*ended)(void *context, CURLcode code);
	void *context;
};

/*
 * Returns new, or NULL with an error. Nothing runs before kube_loop_start, which returns 0, or -1
 * with an error.
 */
struct kube_loop *kube_loop_create(struct error *err);
int kube_loop_start(struct kube_loop *loop, struct error *err);

/*
 * Ends the thread. Waits for the callback that is running; no other is called after that. The users
 * of the loop can then be freed.
 */
void kube_loop_stop(struct kube_loop *loop);
void kube_loop_destroy(struct kube_loop *loop); /* Stops the loop first; takes NULL. */

/* Milliseconds of CLOCK_MONOTONIC. Thread-safe. */
int64_t kube_now_ms(void);

/*
 * The time at which the current turn of the loop began, in milliseconds of CLOCK_MONOTONIC. Loop
 * thread only.
 */
int64_t kube_loop_now_ms(const struct kube_loop *loop);

/*
 * Runs the task once on a following turn of the loop, however often it is posted before it runs.
 * Thread-safe, as kube_loop_run is, unlike every other function of the loop. The owner calls
 * create, start, stop and destroy.
 */
void kube_loop_post(struct kube_loop *loop, struct kube_task *task);

/*
 * Calls `run` on the loop's thread and waits for its end. The loop must be running. Thread-safe,
 * but not for the loop's own thread.
 */
void kube_loop_run(struct kube_loop *loop, void (*run)(void *context), void *context);

/*
 * kube_timer_set calls `run` in `ms` milliseconds (0: on the next turn) and replaces an earlier
 * setting. kube_timer_clear takes timers that are not set, too. Both are for the loop thread, or
 * before the loop starts.
 */
void kube_timer_set(struct kube_loop *loop, struct kube_timer *timer, int64_t ms);
void kube_timer_clear(struct kube_loop *loop, struct kube_timer *timer);

/*
 * Start and abort transfers. kube_transfer_add returns 0 or -1. The `ended` of an aborted transfer
 * is not called. When `ended` is called, the transfer is no longer in the loop and the handle can
 * be used again. At most 32 connections are open at a time; further transfers wait.
 *
 * Call them on the loop thread, before the loop starts or after it has stopped, but never from
 * libcurl's own callbacks (data, headers), where libcurl refuses them. Use a timer of 0 ms there.
 */
int kube_transfer_add(struct kube_loop *loop, struct kube_transfer *transfer);
void kube_transfer_remove(struct kube_loop *loop, struct kube_transfer *transfer);

/* Returns a random number in [least, most], for jitter. Not for secrets. Loop thread only. */
int64_t kube_random(struct kube_loop *loop, int64_t min, int64_t max);

#endif
