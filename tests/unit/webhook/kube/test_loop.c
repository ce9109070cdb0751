/* test_loop: tests the loop: timers, tasks from several threads, transfers, and its shutdown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "webhook/kube/loop.h"

#define PATIENCE_MS 10000
#define MARKS 64

struct fixture {
	struct kube_loop *loop;
	struct kube_timer timer[4];
	struct kube_task task;
	atomic_int runs;
	atomic_int mark_count;
	int marks[MARKS];
	int64_t marked_ms[MARKS];
	bool pass;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct error err = {0};
	f->loop = kube_loop_create(&err);
	*state = f;
	return f->loop ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	kube_loop_destroy(f->loop);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	struct error err = {0};
	assert_int_equal(kube_loop_start(f->loop, &err), 0);
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void wait_for(const atomic_int *value, int least)
{
	int64_t until = kube_now_ms() + PATIENCE_MS;
	while (atomic_load(value) < least) {
		if (kube_now_ms() > until)
			fail_msg("%d of %d happened", atomic_load(value), least);
		sleep_ms(1);
	}
}

static void mark(struct fixture *f, int what)
{
	int at = atomic_load(&f->mark_count);
	assert_true(at < MARKS);
	f->marks[at] = what;
	f->marked_ms[at] = kube_now_ms();
	atomic_store(&f->mark_count, at + 1);
}

#define MARK(number)                                                                                                   \
	static void mark_##number(void *context)                                                                       \
	{                                                                                                              \
		mark(context, number);                                                                                 \
	}
MARK(0)
MARK(1)
MARK(2)
MARK(3)
static void (*const mark_at[])(void *) = {mark_0, mark_1, mark_2, mark_3};

static void init_timers(struct fixture *f)
{
	for (int i = 0; i < 4; i++)
		f->timer[i] = (struct kube_timer){.run = mark_at[i], .context = f};
}

static void test_timers_run_by_time(void **state)
{
	struct fixture *f = *state;
	init_timers(f);
	int64_t begun = kube_now_ms();
	kube_timer_set(f->loop, &f->timer[2], 60);
	kube_timer_set(f->loop, &f->timer[0], 500000);
	kube_timer_set(f->loop, &f->timer[3], 120);
	kube_timer_set(f->loop, &f->timer[1], 0);
	/* Moves the timer. A time in the past is allowed. */
	kube_timer_set(f->loop, &f->timer[0], -5);
	start(f);
	wait_for(&f->mark_count, 4);
	const int order[] = {1, 0, 2, 3};
	const int64_t least[] = {0, 0, 60, 120};
	for (int i = 0; i < 4; i++) {
		assert_int_equal(f->marks[i], order[i]);
		assert_true(f->marked_ms[i] - begun >= least[i]);
		assert_true(f->marked_ms[i] - begun < least[i] + PATIENCE_MS);
	}
}

static void test_timers_of_the_same_time_keep_their_order(void **state)
{
	struct fixture *f = *state;
	init_timers(f);
	for (int i = 0; i < 4; i++)
		kube_timer_set(f->loop, &f->timer[i], INT64_MAX);
	for (int i = 3; i >= 0; i--)
		kube_timer_set(f->loop, &f->timer[i], 0);
	start(f);
	wait_for(&f->mark_count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(f->marks[i], 3 - i);
}

/* Clears the other timer, which is due in the same iteration. */
static void clear_next(void *context)
{
	struct fixture *f = context;
	kube_timer_clear(f->loop, &f->timer[1]);
	kube_timer_clear(f->loop, &f->timer[1]);
	mark(f, 9);
}

static void test_due_timer_can_be_cleared(void **state)
{
	struct fixture *f = *state;
	init_timers(f);
	f->timer[0].run = clear_next;
	for (int i = 0; i < 3; i++)
		kube_timer_set(f->loop, &f->timer[i], 0);
	start(f);
	wait_for(&f->mark_count, 2);
	assert_int_equal(f->marks[0], 9);
	assert_int_equal(f->marks[1], 2);
}

/* A timer that always sets itself to 0 ms does not starve others. */
static void set_again(void *context)
{
	struct fixture *f = context;
	kube_timer_set(f->loop, &f->timer[0], 0);
}

static void test_restless_timer_starves_nobody(void **state)
{
	struct fixture *f = *state;
	init_timers(f);
	f->timer[0].run = set_again;
	f->task = (struct kube_task){.run = mark_3, .context = f};
	kube_timer_set(f->loop, &f->timer[0], 0);
	kube_timer_set(f->loop, &f->timer[1], 20);
	start(f);
	kube_loop_post(f->loop, &f->task);
	wait_for(&f->mark_count, 2);
}

struct poster {
	struct kube_loop *loop;
	pthread_t thread;
	struct kube_task own, *shared;
	atomic_int handed, seen; /* `seen` is never less than what was handed over before a post. */
};

static void see(void *context)
{
	struct poster *poster = context;
	atomic_store(&poster->seen, atomic_load(&poster->handed));
}

static void count_run(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

static void *post_many(void *argument)
{
	struct poster *poster = argument;
	for (int i = 1; i <= 20000; i++) {
		atomic_store(&poster->handed, i);
		kube_loop_post(poster->loop, &poster->own);
		kube_loop_post(poster->loop, poster->shared);
	}
	return NULL;
}

/* No posted task is lost, whichever threads post. */
static void test_tasks_of_several_threads(void **state)
{
	struct fixture *f = *state;
	struct poster posters[4];
	f->task = (struct kube_task){.run = count_run, .context = &f->runs};
	for (int i = 0; i < 4; i++)
		posters[i] =
		    (struct poster){.loop = f->loop, .own = {.run = see, .context = &posters[i]}, .shared = &f->task};
	start(f);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(posters[i].thread, NULL);
	for (int i = 0; i < 4; i++)
		wait_for(&posters[i].seen, 20000);
	assert_in_range(atomic_load(&f->runs), 1, 80000);
	kube_loop_stop(f->loop);
}

static void test_task_posted_often_runs_once(void **state)
{
	struct fixture *f = *state;
	struct kube_task second = {.run = mark_1, .context = f};
	f->task = (struct kube_task){.run = mark_0, .context = f};
	for (int i = 0; i < 10; i++)
		kube_loop_post(f->loop, &f->task);
	kube_loop_post(f->loop, &second);
	start(f);
	wait_for(&f->mark_count, 2);
	assert_int_equal(f->marks[0], 0);
	assert_int_equal(f->marks[1], 1);
}

/* Posts itself ten times in all. Each is a separate run. */
static void post_again(void *context)
{
	struct fixture *f = context;
	if (atomic_fetch_add(&f->runs, 1) < 9)
		kube_loop_post(f->loop, &f->task);
}

static void test_task_posts_itself(void **state)
{
	struct fixture *f = *state;
	f->task = (struct kube_task){.run = post_again, .context = f};
	start(f);
	kube_loop_post(f->loop, &f->task);
	wait_for(&f->runs, 10);
}

static void slow(void *context)
{
	struct fixture *f = context;
	atomic_store(&f->runs, 1);
	sleep_ms(100);
	mark(f, 0);
}

/* Stopping waits for the running callback, and no callback follows. */
static void test_stop(void **state)
{
	struct fixture *f = *state;
	struct kube_task second = {.run = mark_1, .context = f};
	init_timers(f);
	f->task = (struct kube_task){.run = slow, .context = f};
	start(f);
	kube_loop_post(f->loop, &f->task);
	wait_for(&f->runs, 1);
	kube_loop_post(f->loop, &second);
	kube_loop_stop(f->loop);
	assert_int_equal(atomic_load(&f->mark_count), 1);
	kube_timer_set(f->loop, &f->timer[0], 0);
	kube_loop_post(f->loop, &f->task);
	sleep_ms(50);
	assert_int_equal(atomic_load(&f->mark_count), 1);
	kube_loop_stop(f->loop);
}

static void look_at_signals(void *context)
{
	struct fixture *f = context;
	sigset_t blocked;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	f->pass = true;
	for (int number = 1; number < 32; number++)
		f->pass &= number == SIGKILL || number == SIGSTOP || sigismember(&blocked, number);
	mark(f, 0);
}

static void test_thread_blocks_signals(void **state)
{
	struct fixture *f = *state;
	f->task = (struct kube_task){.run = look_at_signals, .context = f};
	start(f);
	kube_loop_post(f->loop, &f->task);
	wait_for(&f->mark_count, 1);
	assert_true(f->pass);
}

static void test_random(void **state)
{
	struct fixture *f = *state;
	int seen[8] = {0};
	for (int i = 0; i < 4000; i++) {
		int64_t number = kube_random(f->loop, -3, 4);
		assert_true(number >= -3 && number <= 4);
		seen[number + 3]++;
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(seen[i], 300, 700);
	assert_int_equal(kube_random(f->loop, 7, 7), 7);
	assert_int_equal(kube_random(f->loop, 7, 6), 7);
	assert_true(kube_random(f->loop, INT64_MIN, INT64_MAX) != kube_random(f->loop, INT64_MIN, INT64_MAX));
}

struct fetch {
	struct kube_transfer transfer;
	struct kube_loop *loop;
	atomic_int ended;
	CURLcode code;
};

static void note_end(void *context, CURLcode code)
{
	struct fetch *fetch = context;
	fetch->code = code;
	atomic_fetch_add(&fetch->ended, 1);
}

/*
 * Nothing listens on port 1: two transfers fail. The third is aborted and does not report anything.
 */
static void test_transfers_end(void **state)
{
	struct fixture *f = *state;
	struct fetch fetch[3];
	for (int i = 0; i < 3; i++) {
		fetch[i] = (struct fetch){.loop = f->loop};
		fetch[i].transfer =
		    (struct kube_transfer){.easy = curl_easy_init(), .ended = note_end, .context = &fetch[i]};
		curl_easy_setopt(fetch[i].transfer.easy, CURLOPT_URL, "http://127.0.0.1:1/");
		curl_easy_setopt(fetch[i].transfer.easy, CURLOPT_PROXY, "");
		assert_int_equal(kube_transfer_add(f->loop, &fetch[i].transfer), 0);
	}
	assert_int_equal(kube_transfer_add(f->loop, &fetch[0].transfer), -1);
	kube_transfer_remove(f->loop, &fetch[2].transfer);
	start(f);
	for (int i = 0; i < 2; i++) {
		wait_for(&fetch[i].ended, 1);
		assert_int_equal(fetch[i].code, CURLE_COULDNT_CONNECT);
	}
	kube_loop_stop(f->loop);
	assert_int_equal(atomic_load(&fetch[2].ended), 0);
	for (int i = 0; i < 3; i++)
		curl_easy_cleanup(fetch[i].transfer.easy);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_timers_run_by_time),
	    TEST(test_timers_of_the_same_time_keep_their_order),
	    TEST(test_due_timer_can_be_cleared),
	    TEST(test_restless_timer_starves_nobody),
	    TEST(test_tasks_of_several_threads),
	    TEST(test_task_posted_often_runs_once),
	    TEST(test_task_posts_itself),
	    TEST(test_stop),
	    TEST(test_thread_blocks_signals),
	    TEST(test_random),
	    TEST(test_transfers_end),
	};
	return cmocka_run_group_tests_name("kube_loop", tests, NULL, NULL);
}
