#include "webhook/server/target_reader.h"

#include <stdlib.h>

#include "webhook/json/scan.h" /* REVIEW_PADDING */

/* Concurrent calls, out of the 32 connections of the loop. */
#define CALLS_MAX 4
/* A missing right makes every read fail, which is worth a line now and then. */
#define LOG_INTERVAL_MS 60000

/* Used on the loop's thread, except by target_reader_read. */
struct target_reader {
	struct kube_loop *loop;
	struct kube_client *client;
	struct log *log;
	struct target_read *reads; /* Those that wait for the API server. */
	unsigned count;
	int64_t quiet_until_ms; /* Failures are not logged before this time. */
	bool stopped;
};

struct target_reader *target_reader_create(struct kube_loop *loop, struct kube_config *config, struct log *log,
					   struct error *err)
{
	struct target_reader *reader = calloc(1, sizeof *reader);
	if (!reader) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	*reader = (struct target_reader){.loop = loop, .client = kube_client_create(loop, config, err), .log = log};
	if (!reader->client) {
		free(reader);
		return NULL;
	}
	kube_client_bound(reader->client, CALLS_MAX);
	return reader;
}

static void take_out(struct target_read *read)
{
	struct target_reader *reader = read->reader;
	if (read->prev)
		read->prev->next = read->next;
	else
		reader->reads = read->next;
	if (read->next)
		read->next->prev = read->prev;
	reader->count--;
}

static void note_failure(struct target_reader *reader, const char *path, const struct kube_response *response)
{
	int64_t now_ms = kube_loop_now_ms(reader->loop);
	const struct log_field fields[] = {{"object", str_of(path), false},
					   {"message", str_of(response->problem), false}};
	if (response->status == 200 || response->status == 404 || now_ms < reader->quiet_until_ms)
		return;
	reader->quiet_until_ms = now_ms + LOG_INTERVAL_MS;
	log_event(reader->log, LOG_WARN, "workload_unread", fields, sizeof fields / sizeof fields[0]);
}

static struct str copy(struct arena *arena, struct str body)
{
	char *to = arena_zalloc(arena, body.len + REVIEW_PADDING, 1);
	if (!to)
		return (struct str){NULL, 0};
	memcpy(to, body.ptr, body.len);
	return (struct str){to, body.len};
}

static void on_answer(void *context, const struct kube_response *response)
{
	struct target_read *read = context;
	struct str json = {NULL, 0};
	note_failure(read->reader, read->path, response);
	if (response->status == 200)
		json = copy(read->arena, response->body);
	take_out(read);
	read->done(read, json);
}

/* Starts a read on the loop's thread. */
static void begin(void *context)
{
	struct target_read *read = context;
	struct target_reader *reader = read->reader;
	int64_t left_ms = read->deadline_ms - kube_now_ms();
	if (reader->stopped || reader->count == TARGET_READS_MAX || left_ms <= 0) {
		read->done(read, (struct str){NULL, 0});
		return;
	}
	read->prev = NULL;
	read->next = reader->reads;
	if (read->next)
		read->next->prev = read;
	reader->reads = read;
	reader->count++;
	read->request = kube_call(reader->client,
				  &(struct kube_call){.method = "GET",
						      .path = read->path,
						      .timeout_ms = left_ms < TARGET_READ_MS ? left_ms : TARGET_READ_MS,
						      .body_max = TARGET_BYTES_MAX,
						      .done = on_answer,
						      .context = read});
}

void target_reader_read(struct target_reader *reader, struct target_read *read)
{
	read->reader = reader;
	read->task = (struct kube_task){.run = begin, .context = read};
	kube_loop_post(reader->loop, &read->task);
}

static void stop(void *context)
{
	struct target_reader *reader = context;
	reader->stopped = true;
	for (struct target_read *read; (read = reader->reads);) {
		kube_cancel(reader->client, read->request);
		take_out(read);
		read->done(read, (struct str){NULL, 0});
	}
}

void target_reader_stop(struct target_reader *reader)
{
	if (reader)
		kube_loop_run(reader->loop, stop, reader);
}

void target_reader_destroy(struct target_reader *reader)
{
	if (!reader)
		return;
	kube_client_destroy(reader->client);
	free(reader);
}
