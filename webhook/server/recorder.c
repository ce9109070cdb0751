#include "webhook/server/recorder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "webhook/base/rotation.h"
#include "webhook/base/thread.h"

#define STACK_BYTES (256 << 10)
#define FILE_PREFIX "gpugate"
#define LINE_BYTES_MAX ((size_t)64 << 20)
#define ARENA_CHUNK_BYTES (64 << 10)
#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define IDLE_BYTES (1 << 20) /* A larger line buffer is freed after use. */

/* What became of a review; the values of the label `outcome`. */
enum outcome { WRITTEN, DROPPED, FAILED, OUTCOMES };

struct recorder {
	struct recorder_options options;
	struct rotation *rotation; /* Used by the writer only, as are the members up to `arena`. */
	bool failing;              /* The last attempt failed. */
	int64_t retry_ms;          /* While failing: when the next attempt is due. */
	bool unreadable;           /* Some review could not be redacted, and the log says so. */
	struct buf line;
	struct arena arena;
	_Atomic uint64_t counts[OUTCOMES];
	pthread_t writer;
	pthread_mutex_t mutex; /* Guards everything below. */
	pthread_cond_t wakeup; /* Signaled when the queue stops being empty, and at the end. */
	struct recorded_review *first, **last;
	size_t queued; /* Bytes of the queue, and of the record that is being written. */
	bool stopping;
	int64_t give_up_ms; /* While stopping: when the rest is dropped. */
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void count(struct recorder *recorder, enum outcome outcome)
{
	atomic_fetch_add_explicit(&recorder->counts[outcome], 1, memory_order_relaxed);
}

/* --- The writer. --- */

static void log_message(const struct recorder *recorder, enum log_level level, const char *event, const char *message)
{
	const struct log_field fields[] = {
	    {.key = "folder", .text = str_of(recorder->options.folder)},
	    {.key = "message", .text = str_of(message)},
	};
	log_event(recorder->options.log, level, event, fields, sizeof fields / sizeof *fields);
}

/* Logs the first failure of a series, since every review would fail alike. */
static enum outcome note_failure(struct recorder *recorder, const struct error *err)
{
	if (!recorder->failing)
		log_message(recorder, LOG_ERROR, "recording_failed", err->text);
	recorder->failing = true;
	recorder->retry_ms = now_ms() + recorder->options.retry_ms;
	return FAILED;
}

static enum outcome write_line(struct recorder *recorder, struct str line)
{
	struct error err = {0};
	if (rotation_write(recorder->rotation, line, &err) < 0)
		return note_failure(recorder, &err);
	if (recorder->failing)
		log_message(recorder, LOG_INFO, "recording_resumed", "reviews are recorded again");
	recorder->failing = false;
	return WRITTEN;
}

/*
 * A review that cannot be redacted is not recorded. None is expected: it was decided, so its JSON
 * is valid. Only the first is logged, since others would probably fail alike.
 */
static enum outcome note_unreadable(struct recorder *recorder, struct error *err)
{
	error_wrap(err, "a review cannot be redacted, and is not recorded");
	if (!recorder->unreadable)
		log_message(recorder, LOG_ERROR, "recording_failed", err->text);
	recorder->unreadable = true;
	return FAILED;
}

static enum outcome write_record(struct recorder *recorder, const struct recorded_review *record)
{
	struct error err = {0};
	enum outcome outcome = DROPPED;
	if (recorder->failing && now_ms() < recorder->retry_ms)
		return FAILED;
	if (recorded_review_write(record, &recorder->line, &recorder->arena, &err) < 0)
		outcome = note_unreadable(recorder, &err);
	else if (!recorder->line.failed && rotation_fits(recorder->rotation, recorder->line.len))
		outcome = write_line(recorder, buf_view(&recorder->line));
	arena_reset(&recorder->arena);
	if (recorder->line.size > IDLE_BYTES)
		buf_release(&recorder->line);
	buf_reset(&recorder->line);
	return outcome;
}

/* Waits for a record and takes it. Returns NULL at the end. Must be called with the mutex held. */
static struct recorded_review *take(struct recorder *recorder)
{
	while (!recorder->first && !recorder->stopping)
		pthread_cond_wait(&recorder->wakeup, &recorder->mutex);
	struct recorded_review *record = recorder->first;
	if (!record || (recorder->stopping && now_ms() >= recorder->give_up_ms))
		return NULL;
	recorder->first = record->next;
	if (!recorder->first)
		recorder->last = &recorder->first;
	return record;
}

static void *run_writer(void *argument)
{
	struct recorder *recorder = argument;
	struct recorded_review *record;
	pthread_mutex_lock(&recorder->mutex);
	while ((record = take(recorder))) {
		size_t bytes = record->bytes;
		pthread_mutex_unlock(&recorder->mutex);
		count(recorder, write_record(recorder, record));
		recorded_review_destroy(record);
		pthread_mutex_lock(&recorder->mutex);
		recorder->queued -= bytes;
	}
	pthread_mutex_unlock(&recorder->mutex);
	return NULL;
}

/* --- The other threads. --- */

/* Puts a record into the queue. Returns false if there is no room. */
static bool put(struct recorder *recorder, struct recorded_review *record)
{
	pthread_mutex_lock(&recorder->mutex);
	bool room = record->bytes <= RECORDER_QUEUE_BYTES - recorder->queued;
	if (room) {
		if (!recorder->first)
			pthread_cond_signal(&recorder->wakeup);
		*recorder->last = record;
		recorder->last = &record->next;
		recorder->queued += record->bytes;
	}
	pthread_mutex_unlock(&recorder->mutex);
	return room;
}

/* Whether there is room now. Spares a copy if there is none. */
static bool has_room(struct recorder *recorder, size_t bytes)
{
	pthread_mutex_lock(&recorder->mutex);
	bool room = bytes <= RECORDER_QUEUE_BYTES - recorder->queued;
	pthread_mutex_unlock(&recorder->mutex);
	return room;
}

void recorder_note(struct recorder *recorder, const struct review_source *source)
{
	if (!recorder)
		return;
	struct recorded_review *record =
	    has_room(recorder, recorded_review_bytes(source)) ? recorded_review_create(source) : NULL;
	if (record && put(recorder, record))
		return;
	if (record)
		recorded_review_destroy(record);
	count(recorder, DROPPED);
}

/* --- Start and end. --- */

static void release(struct recorder *recorder)
{
	rotation_destroy(recorder->rotation);
	buf_release(&recorder->line);
	arena_release(&recorder->arena);
	pthread_cond_destroy(&recorder->wakeup);
	pthread_mutex_destroy(&recorder->mutex);
	free(recorder);
}

struct recorder *recorder_create(const struct recorder_options *options, struct error *err)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);
	if (!recorder) {
		error_set(err, "not enough memory to start");
		return NULL;
	}
	recorder->options = *options;
	if (!options->retry_ms)
		recorder->options.retry_ms = RECORDER_RETRY_MS;
	if (!options->give_up_ms)
		recorder->options.give_up_ms = RECORDER_GIVE_UP_MS;
	recorder->last = &recorder->first;
	buf_init(&recorder->line, LINE_BYTES_MAX);
	arena_init(&recorder->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
	pthread_mutex_init(&recorder->mutex, NULL);
	pthread_cond_init(&recorder->wakeup, NULL);
	recorder->rotation = rotation_create(options->folder, FILE_PREFIX, options->max_bytes, err);
	int problem = recorder->rotation ? thread_start(&recorder->writer, STACK_BYTES, run_writer, recorder) : 0;
	if (problem)
		error_set(err, "cannot start the thread that records: %s", strerror(problem));
	if (!recorder->rotation || problem) {
		release(recorder);
		return NULL;
	}
	log_message(recorder, LOG_INFO, "recording", "reviews are recorded in this folder");
	return recorder;
}

/* Drops what the writer gave up on. */
static void drop_rest(struct recorder *recorder)
{
	char storage[24];
	int64_t reviews = 0;
	for (struct recorded_review *record = recorder->first, *next; record; record = next, reviews++) {
		next = record->next;
		recorded_review_destroy(record);
		count(recorder, DROPPED);
	}
	if (reviews == 0)
		return;
	struct log_field field = log_number("reviews", reviews, storage);
	log_event(recorder->options.log, LOG_WARN, "recording_incomplete", &field, 1);
}

void recorder_destroy(struct recorder *recorder)
{
	if (!recorder)
		return;
	pthread_mutex_lock(&recorder->mutex);
	recorder->stopping = true;
	recorder->give_up_ms = now_ms() + recorder->options.give_up_ms;
	pthread_cond_signal(&recorder->wakeup);
	pthread_mutex_unlock(&recorder->mutex);
	pthread_join(recorder->writer, NULL);
	drop_rest(recorder);
	release(recorder);
}

/* --- Metrics. --- */

static const struct metric rows[] = {
    {.name = "gpugate_recorded_reviews_total",
     .type = METRIC_COUNTER,
     .unit = "reviews",
     .help = "Decided reviews of Pods by whether they were recorded.",
     .labels = {{"outcome", METRIC_VALUES("written", "dropped", "failed")}},
     .details =
	 "`dropped`: more reviews were waiting to be written than the queue holds, or a line was longer than "
	 "a file may be. `failed`: the file could not be written, or the review not be redacted; the log's line `recording_failed` says why. "
	 "Neither affects a decision. See [Recording reviews](../recording.md)."},
};

const struct metric_set recorder_metrics = {"Recording", "With `--record`.", METRIC_ROWS(rows)};

void recorder_metrics_render(void *context, struct buf *out)
{
	struct recorder *recorder = context;
	int64_t numbers[OUTCOMES];
	for (int i = 0; i < OUTCOMES; i++)
		numbers[i] = (int64_t)atomic_load_explicit(&recorder->counts[i], memory_order_relaxed);
	metric_integers(out, &rows[0], numbers);
}
