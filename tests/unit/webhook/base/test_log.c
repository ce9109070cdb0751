/*
 * test_log: tests webhook/base/log.c: valid JSON lines, many threads, and readers that stall or
 * close.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "gpugate/buf.h"
#include "webhook/base/log.h"

#define OUTPUT_MAX (64 << 20)

/* Reads a descriptor to its end. */
struct reader {
	pthread_t thread;
	int fd;
	struct buf text;
};

static void *run_reader(void *argument)
{
	struct reader *reader = argument;
	char bytes[65536];
	for (ssize_t got; (got = read(reader->fd, bytes, sizeof bytes)) > 0;)
		buf_add(&reader->text, bytes, (size_t)got);
	close(reader->fd);
	return NULL;
}

static void read_start(struct reader *reader, int fd)
{
	reader->fd = fd;
	buf_init(&reader->text, OUTPUT_MAX);
	assert_int_equal(pthread_create(&reader->thread, NULL, run_reader, reader), 0);
}

static struct log *log_on(int fd)
{
	struct error err = {0};
	struct log *log = log_create(fd, &err);
	assert_non_null(log);
	return log;
}

/* Calls `line` for each line, which must be a JSON object. Returns the number of lines. */
static size_t each_line(struct str text, void (*line)(json_t *object, void *context), void *context)
{
	size_t count = 0;
	while (text.len) {
		const char *end = memchr(text.ptr, '\n', text.len);
		assert_non_null(end);
		json_t *object = json_loadb(text.ptr, (size_t)(end - text.ptr), JSON_REJECT_DUPLICATES, NULL);
		assert_true(json_is_object(object));
		line(object, context);
		json_decref(object);
		text = str_tail(text, (size_t)(end - text.ptr) + 1);
		count++;
	}
	return count;
}

static void check_fields(json_t *object, void *context)
{
	(void)context;
	assert_string_equal(json_string_value(json_object_get(object, "level")), "warn");
	assert_string_equal(json_string_value(json_object_get(object, "event")), "policy \"x\"");
	assert_string_equal(json_string_value(json_object_get(object, "text")), "line\n\xEF\xBF\xBD");
	assert_int_equal(json_integer_value(json_object_get(object, "count")), -42);
	assert_int_equal(json_string_length(json_object_get(object, "long")), LOG_TEXT_MAX + 3);
	assert_int_equal(json_object_size(object), 6);
	const char *stamp = json_string_value(json_object_get(object, "time"));
	struct tm parts = {0};
	const char *rest = strptime(stamp, "%Y-%m-%dT%H:%M:%S.", &parts);
	assert_non_null(rest);
	assert_int_equal(strlen(rest), 4);
	assert_int_equal(rest[3], 'Z');
	assert_true(labs((long)(timegm(&parts) - time(NULL))) < 60);
}

static void test_fields(void **state)
{
	(void)state;
	static char lengthy[3 * LOG_TEXT_MAX];
	memset(lengthy, 'x', sizeof lengthy);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct reader reader;
	read_start(&reader, ends[0]);
	struct log *log = log_on(ends[1]);
	char storage[24];
	struct log_field fields[] = {
	    {.key = "text", .text = STR("line\n\xFF")},
	    log_number("count", -42, storage),
	    {.key = "absent"},
	    {.text = STR("without a key")},
	    {.key = "long", .text = {lengthy, sizeof lengthy}},
	    {.key = "longraw", .text = {lengthy, sizeof lengthy}, .raw = true},
	};
	log_event(log, LOG_WARN, "policy \"x\"", fields, sizeof fields / sizeof *fields);
	log_event(NULL, LOG_WARN, "nowhere", NULL, 0);
	log_destroy(log);
	log_destroy(NULL);
	close(ends[1]);
	pthread_join(reader.thread, NULL);
	assert_int_equal(each_line(buf_view(&reader.text), check_fields, NULL), 1);
	buf_release(&reader.text);
}

#define THREADS 4
#define LINES 2000

static void *run_many(void *log)
{
	for (int i = 0; i < LINES; i++) {
		struct log_field field = {.key = "message", .text = STR("refused for a reason that takes some words")};
		log_event(log, LOG_INFO, "denied", &field, 1);
	}
	return NULL;
}

struct tally {
	size_t denied;
	json_int_t told;
};

static void tally_line(json_t *object, void *context)
{
	struct tally *tally = context;
	if (strcmp(json_string_value(json_object_get(object, "event")), "denied") == 0)
		tally->denied++;
	else
		tally->told += json_integer_value(json_object_get(object, "lines"));
}

/* Every line arrives completely or is counted, and the log itself reports how many are missing. */
static void test_many_threads(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct reader reader;
	read_start(&reader, ends[0]);
	struct log *log = log_on(ends[1]);
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_many, log), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	uint64_t dropped = log_dropped(log);
	log_destroy(log);
	close(ends[1]);
	pthread_join(reader.thread, NULL);
	struct tally tally = {0};
	each_line(buf_view(&reader.text), tally_line, &tally);
	assert_int_equal(tally.denied + dropped, THREADS * LINES);
	assert_int_equal(tally.told, dropped);
	buf_release(&reader.text);
}

static double now(void)
{
	struct timespec spec;
	clock_gettime(CLOCK_MONOTONIC, &spec);
	return (double)spec.tv_sec + (double)spec.tv_nsec / 1e9;
}

/*
 * A stalled reader causes lost lines but no delay, and sees the number of lost lines when it reads
 * again.
 */
static void test_stuck_reader(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct log *log = log_on(ends[1]);
	double start = now();
	for (int i = 0; i < 10; i++)
		run_many(log);
	assert_true(now() - start < 5);
	uint64_t dropped = log_dropped(log);
	assert_true(dropped > 10 * LINES / 2);
	struct reader reader;
	read_start(&reader, ends[0]);
	usleep(300000);
	log_event(log, LOG_INFO, "denied", NULL, 0);
	log_destroy(log);
	close(ends[1]);
	pthread_join(reader.thread, NULL);
	struct tally tally = {0};
	each_line(buf_view(&reader.text), tally_line, &tally);
	assert_int_equal(tally.told, dropped);
	assert_int_equal(tally.denied + dropped, 10 * LINES + 1);
	buf_release(&reader.text);
}

static void test_stuck_reader_does_not_hold_destroy(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct log *log = log_on(ends[1]);
	run_many(log);
	double start = now();
	log_destroy(log);
	assert_true(now() - start < 4);
	close(ends[0]);
	close(ends[1]);
}

/* SIGPIPE must not kill the process, and lines that cannot be written are counted. */
static void test_closed_reader(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	struct log *log = log_on(ends[1]);
	log_event(log, LOG_ERROR, "lost", NULL, 0);
	for (int i = 0; i < 100 && log_dropped(log) == 0; i++)
		usleep(20000);
	assert_int_equal(log_dropped(log), 1);
	log_destroy(log);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),        cmocka_unit_test(test_many_threads),
	    cmocka_unit_test(test_stuck_reader),  cmocka_unit_test(test_stuck_reader_does_not_hold_destroy),
	    cmocka_unit_test(test_closed_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
