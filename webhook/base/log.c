#include "webhook/base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "gpugate/buf.h"
#include "webhook/base/thread.h"
#include "webhook/json/write.h"

/*
 * The ring consists of two buffers. Callers append to `filling`. The writer swaps it for its own
 * empty buffer and writes it out without holding the lock. After a burst, a buffer of more than
 * IDLE_BYTES is freed once it is mostly unused.
 */
#define HALF_BYTES (LOG_RING_BYTES / 2)
#define IDLE_BYTES (16 << 10)
#define STACK_BYTES (64 << 10)
/* PIPE_BUF: after POLLOUT, a pipe accepts this much without blocking. */
#define CHUNK_BYTES 4096
/* How long log_destroy waits for a reader that does not read. */
#define FLUSH_SECONDS 2
#define POLL_MS 100
/* Lines within this time are written together, because waking the writer costs more than a line. */
#define GATHER_NS 5000000

struct log {
	int fd;
	pthread_t writer;
	pthread_mutex_t mutex; /* Guards `filling`, `reported`, and the time stamp. */
	pthread_cond_t wakeup; /* Signaled for the first line in `filling`, and at the end. */
	pthread_cond_t hurry;  /* Signaled when `filling` is half full, and at the end. */
	struct buf filling;
	uint64_t reported; /* Number of dropped lines that need no further report in the log. */
	time_t stamp_second;
	char stamp[32]; /* Text of stamp_second, such as "2026-11-23T21:40:37". */
	_Atomic uint64_t dropped;
	atomic_bool stopping;
	/* Deadline of log_destroy (CLOCK_MONOTONIC); set before `stopping`. */
	struct timespec give_up;
};

static void write_time(struct log *log)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != log->stamp_second || log->stamp[0] == '\0') {
		struct tm parts;
		gmtime_r(&now.tv_sec, &parts);
		strftime(log->stamp, sizeof log->stamp, "%Y-%m-%dT%H:%M:%S", &parts);
		log->stamp_second = now.tv_sec;
	}
	unsigned ms = (unsigned)(now.tv_nsec / 1000000);
	const char fraction[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z',
				 '"'};
	buf_text(&log->filling, "{\"time\":\"");
	buf_text(&log->filling, log->stamp);
	buf_add(&log->filling, fraction, sizeof fraction);
}

static void write_field(struct buf *out, const struct log_field *field)
{
	if (!field->key || !str_present(field->text) || (field->raw && field->text.len > LOG_TEXT_MAX))
		return;
	buf_text(out, ",\"");
	buf_text(out, field->key);
	buf_text(out, "\":");
	if (field->raw)
		buf_str(out, field->text);
	else
		json_write_cut(out, field->text, LOG_TEXT_MAX);
}

/* Appends a whole line or nothing. Must be called with the mutex held. */
static void append(struct log *log, enum log_level level, const char *event, const struct log_field *fields,
		   size_t count)
{
	static const char *const levels[] = {[LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
	struct buf *out = &log->filling;
	size_t start = out->len;
	write_time(log);
	buf_text(out, ",\"level\":\"");
	buf_text(out, levels[level]);
	buf_text(out, "\",\"event\":");
	json_write_string(out, str_of(event));
	for (size_t i = 0; i < count; i++)
		write_field(out, &fields[i]);
	buf_text(out, "}\n");
	if (out->failed) {
		out->failed = false;
		out->len = start;
		atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
	}
}

static void report_drops(struct log *log)
{
	uint64_t dropped = log_dropped(log);
	if (dropped == log->reported)
		return;
	char storage[24];
	struct log_field lines = log_number("lines", (int64_t)(dropped - log->reported), storage);
	append(log, LOG_WARN, "log_lines_dropped", &lines, 1);
	if (log_dropped(log) == dropped)
		log->reported = dropped;
}

static bool past(const struct timespec *deadline)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec || (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

/*
 * Waits until the descriptor accepts bytes or fails. Returns false if the log is stopping and the
 * reader still does not read.
 */
static bool wait_writable(struct log *log)
{
	for (;;) {
		struct pollfd poller = {.fd = log->fd, .events = POLLOUT};
		if (poll(&poller, 1, POLL_MS) > 0)
			return true;
		if (atomic_load(&log->stopping) && past(&log->give_up))
			return false;
	}
}

/* Returns the number of bytes that it gave up on. */
static size_t write_out(struct log *log, struct str bytes)
{
	while (bytes.len > 0 && wait_writable(log)) {
		ssize_t written = write(log->fd, bytes.ptr, bytes.len < CHUNK_BYTES ? bytes.len : CHUNK_BYTES);
		if (written >= 0)
			bytes = str_tail(bytes, (size_t)written);
		else if (errno != EINTR && errno != EAGAIN)
			break;
	}
	return bytes.len;
}

static void count_lost(struct log *log, struct str bytes)
{
	uint64_t lines = 0;
	for (size_t i = 0; i < bytes.len; i++)
		lines += bytes.ptr[i] == '\n';
	atomic_fetch_add_explicit(&log->dropped, lines, memory_order_relaxed);
	pthread_mutex_lock(&log->mutex);
	log->reported += lines; /* A descriptor that fails would fail for the report as well. */
	pthread_mutex_unlock(&log->mutex);
}

/*
 * Empties a buffer. Frees a large one that was mostly unused, because the burst is over. Otherwise
 * keeps the memory, which would be needed again at once under load.
 */
static void empty(struct buf *buf)
{
	if (buf->size > IDLE_BYTES && buf->len <= IDLE_BYTES / 4)
		buf_release(buf);
	buf_reset(buf);
}

/*
 * Waits for more lines after the first one, so that they are written together. Must be called with
 * the mutex held.
 */
static void gather(struct log *log)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GATHER_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (!atomic_load(&log->stopping) && log->filling.len < HALF_BYTES / 2)
		if (pthread_cond_timedwait(&log->hurry, &log->mutex, &until) != 0)
			return;
}

static void *run_writer(void *argument)
{
	struct log *log = argument;
	struct buf writing;
	buf_init(&writing, HALF_BYTES);
	pthread_mutex_lock(&log->mutex);
	for (;;) {
		while (log->filling.len == 0 && !atomic_load(&log->stopping))
			pthread_cond_wait(&log->wakeup, &log->mutex);
		if (log->filling.len == 0)
			break;
		gather(log);
		struct buf full = log->filling;
		log->filling = writing;
		writing = full;
		report_drops(log);
		pthread_mutex_unlock(&log->mutex);
		size_t lost = write_out(log, buf_view(&writing));
		if (lost > 0)
			count_lost(log, str_tail(buf_view(&writing), writing.len - lost));
		empty(&writing);
		pthread_mutex_lock(&log->mutex);
	}
	pthread_mutex_unlock(&log->mutex);
	buf_release(&writing);
	return NULL;
}

static void release(struct log *log)
{
	buf_release(&log->filling);
	pthread_cond_destroy(&log->wakeup);
	pthread_cond_destroy(&log->hurry);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

struct log *log_create(int fd, struct error *err)
{
	struct log *log = calloc(1, sizeof *log);
	if (!log) {
		error_set(err, "not enough memory for the log");
		return NULL;
	}
	log->fd = fd;
	buf_init(&log->filling, HALF_BYTES);
	pthread_mutex_init(&log->mutex, NULL);
	pthread_cond_init(&log->wakeup, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&log->hurry, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int problem = thread_start(&log->writer, STACK_BYTES, run_writer, log);
	if (problem) {
		error_set(err, "cannot start the log's thread: %s", strerror(problem));
		release(log);
		return NULL;
	}
	return log;
}

void log_destroy(struct log *log)
{
	if (!log)
		return;
	clock_gettime(CLOCK_MONOTONIC, &log->give_up);
	log->give_up.tv_sec += FLUSH_SECONDS;
	pthread_mutex_lock(&log->mutex);
	atomic_store(&log->stopping, true);
	pthread_cond_signal(&log->wakeup);
	pthread_cond_signal(&log->hurry);
	pthread_mutex_unlock(&log->mutex);
	pthread_join(log->writer, NULL);
	release(log);
}

void log_event(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	if (!log)
		return;
	pthread_mutex_lock(&log->mutex);
	size_t before = log->filling.len;
	append(log, level, event, fields, count);
	if (before == 0)
		pthread_cond_signal(&log->wakeup);
	else if (before < HALF_BYTES / 2 && log->filling.len >= HALF_BYTES / 2)
		pthread_cond_signal(&log->hurry);
	pthread_mutex_unlock(&log->mutex);
}

uint64_t log_dropped(const struct log *log)
{
	return log ? atomic_load_explicit(&log->dropped, memory_order_relaxed) : 0;
}

struct log_field log_number(const char *key, int64_t value, char storage[static 24])
{
	int len = snprintf(storage, 24, "%lld", (long long)value);
	return (struct log_field){.key = key, .text = {storage, (size_t)len}, .raw = true};
}
