#include "webhook/kube/loop.h"
#include "webhook/base/thread.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define STACK_BYTES (512 << 10)
#define CONNECTIONS_MAX 32           /* To the API server; further transfers wait. */
#define DELAY_MAX_MS (INT64_MAX / 4) /* Keeps sums of times in range. */
#define POLL_MAX_MS 60000            /* Upper bound of a wait without timers. */

struct kube_loop {
	CURLM *multi;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	int64_t now_ms;
	uint64_t random;
	/*
	 * Heads of rings. `timers` is sorted by time; timers of the same time are in the order in
	 * which they were set.
	 */
	struct kube_timer timers;
	struct kube_timer due; /* Timers of this turn that have not run yet. */
	pthread_mutex_t mutex; /* Guards the posted tasks; held only for a few instructions. */
	struct kube_task *first, **last;
};

int64_t kube_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t kube_loop_now_ms(const struct kube_loop *loop)
{
	return loop->now_ms;
}

/* --- Timers --- */

static void ring_init(struct kube_timer *head)
{
	head->prev = head->next = head;
}

static bool ring_empty(const struct kube_timer *head)
{
	return head->next == head;
}

static void ring_insert_after(struct kube_timer *place, struct kube_timer *timer)
{
	timer->prev = place;
	timer->next = place->next;
	place->next->prev = timer;
	place->next = timer;
}

void kube_timer_clear(struct kube_loop *loop, struct kube_timer *timer)
{
	(void)loop;
	if (!timer->armed)
		return;
	timer->prev->next = timer->next;
	timer->next->prev = timer->prev;
	timer->prev = timer->next = NULL;
	timer->armed = false;
}

/* Searches from the end, because most timers are set to a later time than those before them. */
void kube_timer_set(struct kube_loop *loop, struct kube_timer *timer, int64_t ms)
{
	kube_timer_clear(loop, timer);
	ms = ms < 0 ? 0 : ms < DELAY_MAX_MS ? ms : DELAY_MAX_MS;
	timer->at_ms = kube_now_ms() + ms;
	struct kube_timer *place = loop->timers.prev;
	while (place != &loop->timers && place->at_ms > timer->at_ms)
		place = place->prev;
	ring_insert_after(place, timer);
	timer->armed = true;
}

static bool stopping(const struct kube_loop *loop)
{
	return atomic_load(&loop->stop);
}

/*
 * Timers that these callbacks set run on the next turn, even those of 0 ms. Otherwise they could
 * starve sockets and tasks.
 */
static void run_timers(struct kube_loop *loop)
{
	loop->now_ms = kube_now_ms();
	while (!ring_empty(&loop->timers) && loop->timers.next->at_ms <= loop->now_ms) {
		struct kube_timer *timer = loop->timers.next;
		kube_timer_clear(loop, timer);
		ring_insert_after(loop->due.prev, timer);
		timer->armed = true;
	}
	while (!ring_empty(&loop->due) && !stopping(loop)) {
		struct kube_timer *timer = loop->due.next;
		kube_timer_clear(loop, timer);
		timer->run(timer->context);
	}
}

/* --- Tasks --- */

void kube_loop_post(struct kube_loop *loop, struct kube_task *task)
{
	pthread_mutex_lock(&loop->mutex);
	bool first = !loop->first;
	if (!task->posted) {
		task->posted = true;
		task->next = NULL;
		*loop->last = task;
		loop->last = &task->next;
	}
	pthread_mutex_unlock(&loop->mutex);
	if (first) /* Otherwise the loop has been woken already and has not taken the tasks yet. */
		curl_multi_wakeup(loop->multi);
}

/* kube_loop_run waits here. */
struct waiting {
	void (*run)(void *context);
	void *context;
	pthread_mutex_t mutex;
	pthread_cond_t done;
	bool is_done;
};

static void run_and_tell(void *context)
{
	struct waiting *waiting = context;
	waiting->run(waiting->context);
	pthread_mutex_lock(&waiting->mutex);
	waiting->is_done = true;
	pthread_cond_signal(&waiting->done);
	pthread_mutex_unlock(&waiting->mutex);
}

void kube_loop_run(struct kube_loop *loop, void (*run)(void *context), void *context)
{
	struct waiting waiting = {.run = run, .context = context};
	struct kube_task task = {.run = run_and_tell, .context = &waiting};
	pthread_mutex_init(&waiting.mutex, NULL);
	pthread_cond_init(&waiting.done, NULL);
	kube_loop_post(loop, &task);
	pthread_mutex_lock(&waiting.mutex);
	while (!waiting.is_done)
		pthread_cond_wait(&waiting.done, &waiting.mutex);
	pthread_mutex_unlock(&waiting.mutex);
	pthread_mutex_destroy(&waiting.mutex);
	pthread_cond_destroy(&waiting.done);
}

static struct kube_task *take_tasks(struct kube_loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	struct kube_task *tasks = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->mutex);
	return tasks;
}

/* A task may be posted again as soon as it has started to run. */
static void run_tasks(struct kube_loop *loop)
{
	for (struct kube_task *task = take_tasks(loop), *next; task && !stopping(loop); task = next) {
		next = task->next;
		pthread_mutex_lock(&loop->mutex);
		task->posted = false;
		pthread_mutex_unlock(&loop->mutex);
		task->run(task->context);
	}
}

/* --- Transfers --- */

int kube_transfer_add(struct kube_loop *loop, struct kube_transfer *transfer)
{
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	return curl_multi_add_handle(loop->multi, transfer->easy) == CURLM_OK ? 0 : -1;
}

void kube_transfer_remove(struct kube_loop *loop, struct kube_transfer *transfer)
{
	curl_multi_remove_handle(loop->multi, transfer->easy);
}

static void end_transfers(struct kube_loop *loop)
{
	int left;
	for (CURLMsg *message; !stopping(loop) && (message = curl_multi_info_read(loop->multi, &left));) {
		if (message->msg != CURLMSG_DONE)
			continue;
		/* Removing the handle invalidates the message. */
		CURLcode code = message->data.result;
		char *private = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		struct kube_transfer *transfer = (struct kube_transfer *)(void *)private;
		curl_multi_remove_handle(loop->multi, transfer->easy);
		transfer->ended(transfer->context, code);
	}
}

/* --- The thread --- */

static int poll_ms(const struct kube_loop *loop)
{
	if (ring_empty(&loop->timers))
		return POLL_MAX_MS;
	int64_t left = loop->timers.next->at_ms - kube_now_ms();
	return left < 0 ? 0 : left < POLL_MAX_MS ? (int)left : POLL_MAX_MS;
}

static void *run_loop(void *argument)
{
	struct kube_loop *loop = argument;
	while (!stopping(loop)) {
		int running;
		/* Fails only without memory. The pause prevents a busy loop. */
		if (curl_multi_poll(loop->multi, NULL, 0, poll_ms(loop), NULL) != CURLM_OK)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		loop->now_ms = kube_now_ms();
		if (stopping(loop))
			break;
		curl_multi_perform(loop->multi, &running);
		end_transfers(loop);
		run_tasks(loop);
		run_timers(loop);
	}
	return NULL;
}

struct kube_loop *kube_loop_create(struct error *err)
{
	struct kube_loop *loop = calloc(1, sizeof *loop);
	if (!loop || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		error_set(err, "not enough memory to talk to the Kubernetes API server");
		free(loop);
		return NULL;
	}
	loop->multi = curl_multi_init();
	if (!loop->multi) {
		error_set(err, "libcurl cannot be set up; raise the limits of memory and of open files");
		curl_global_cleanup();
		free(loop);
		return NULL;
	}
	/* The default is four times the number of transfers, which closes idle connections. */
	curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
	curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_MAX);
	curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	ring_init(&loop->timers);
	ring_init(&loop->due);
	pthread_mutex_init(&loop->mutex, NULL);
	loop->last = &loop->first;
	loop->now_ms = kube_now_ms();
	if (getrandom(&loop->random, sizeof loop->random, GRND_NONBLOCK) != sizeof loop->random)
		/* Good enough, because it is only used for jitter. */
		loop->random = (uint64_t)loop->now_ms ^ (uint64_t)(uintptr_t)loop;
	return loop;
}

int kube_loop_start(struct kube_loop *loop, struct error *err)
{
	/* libcurl's resolver threads inherit the blocked signals. */
	int problem = thread_start(&loop->thread, STACK_BYTES, run_loop, loop);
	if (problem)
		return error_set(err, "cannot start the thread that talks to the Kubernetes API server: %s",
				 strerror(problem));
	loop->started = true;
	return 0;
}

void kube_loop_stop(struct kube_loop *loop)
{
	atomic_store(&loop->stop, true);
	if (!loop->started)
		return;
	curl_multi_wakeup(loop->multi);
	pthread_join(loop->thread, NULL);
	loop->started = false;
}

void kube_loop_destroy(struct kube_loop *loop)
{
	if (!loop)
		return;
	kube_loop_stop(loop);
	curl_multi_cleanup(loop->multi);
	curl_global_cleanup();
	pthread_mutex_destroy(&loop->mutex);
	free(loop);
}

/* splitmix64: one word of state, and random enough to spread retries. */
int64_t kube_random(struct kube_loop *loop, int64_t min, int64_t max)
{
	loop->random += 0x9e3779b97f4a7c15;
	uint64_t word = loop->random;
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	word ^= word >> 31;
	/* 0: the range covers all 64-bit numbers. */
	uint64_t span = (uint64_t)max - (uint64_t)min + 1;
	return max <= min ? min : (int64_t)((uint64_t)min + (span ? word % span : word));
}
