#include "webhook/server/target_reader.h"

#include <stdlib.h>

#include "webhook/json/scan.h" /* REVIEW_PADDING */

/*
 * Concurrent calls, out of the 32 connections of the loop. The first one is only for reads that
 * wait for their turn, so that they never wait for those that do not.
 */
#define CALLS_MAX 4
/* A missing right makes every read fail, which is worth a line now and then. */
#define LOG_INTERVAL_MS 60000

/* In the order in which they came. */
struct read_list {
	struct target_read *first, *last;
};

/* A call for all reads in its list. Without reads, it is free for others. */
struct target_call {
	struct target_reader *reader;
	struct read_list reads;
	struct kube_request *request; /* NULL: it has ended, and its reads are being answered. */
	struct kube_timer turn;       /* The next read is answered. */
	enum target_state state;
	char *body; /* With its padding; NULL: there is none. */
	size_t len;
};

/* Used on the loop's thread, except by target_reader_read. */
struct target_reader {
	struct kube_loop *loop;
	struct kube_client *client;
	struct log *log;
	struct target_call calls[CALLS_MAX];
	struct read_list waiting; /* The reads that have no call yet. */
	unsigned hasty;           /* How many reads there are that do not wait for their turn. */
	int64_t quiet_until_ms;   /* Failures are not logged before this time. */
	bool stopped;
};

static void answer_next(void *context);

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
	for (unsigned i = 0; i < CALLS_MAX; i++)
		reader->calls[i] =
		    (struct target_call){.reader = reader, .turn = {.run = answer_next, .context = &reader->calls[i]}};
	return reader;
}

/* --- Lists --- */

static void put(struct read_list *list, struct target_read *read)
{
	read->prev = list->last;
	read->next = NULL;
	if (list->last)
		list->last->next = read;
	else
		list->first = read;
	list->last = read;
}

static void take_out(struct read_list *list, struct target_read *read)
{
	if (read->prev)
		read->prev->next = read->next;
	else
		list->first = read->next;
	if (read->next)
		read->next->prev = read->prev;
	else
		list->last = read->prev;
}

static struct read_list *list_of(struct target_read *read)
{
	return read->call ? &read->call->reads : &read->reader->waiting;
}

/* --- Answers --- */

/* Ends a read, which is gone then. */
static void end(struct target_read *read, enum target_state state, struct str json)
{
	take_out(list_of(read), read);
	kube_timer_clear(read->reader->loop, &read->limit);
	read->reader->hasty -= !read->waits;
	read->done(read, state, json);
}

static void end_unread(struct target_read *read)
{
	end(read, TARGET_UNREAD, (struct str){NULL, 0});
}

/* Makes a call free for other reads. */
static void release(struct target_call *call)
{
	kube_cancel(call->reader->client, call->request);
	kube_timer_clear(call->reader->loop, &call->turn);
	free(call->body);
	call->request = NULL;
	call->body = NULL;
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

static void keep(struct target_call *call, const struct kube_response *response)
{
	call->request = NULL;
	call->state = response->status == 404 ? TARGET_ABSENT : response->too_long ? TARGET_TOO_LARGE : TARGET_UNREAD;
	if (response->status != 200 || !(call->body = calloc(1, response->body.len + REVIEW_PADDING)))
		return;
	memcpy(call->body, response->body.ptr, response->body.len);
	call->len = response->body.len;
	call->state = TARGET_READ;
}

static void on_answer(void *context, const struct kube_response *response)
{
	struct target_call *call = context;
	note_failure(call->reader, call->reads.first->path, response);
	keep(call, response);
	answer_next(call);
}

/* --- Calls --- */

static int64_t left_ms(const struct target_read *read)
{
	int64_t left = read->deadline_ms - kube_now_ms();
	return left > 0 ? left : 0;
}

/*
 * Returns the read for which a call is made next, or NULL. Those that wait for their turn come
 * first. At most TARGET_READS_MAX others precede the first of them.
 */
static struct target_read *choose(const struct target_reader *reader, bool waits_only)
{
	for (struct target_read *read = reader->waiting.first; read; read = read->next)
		if (read->waits)
			return read;
	return waits_only ? NULL : reader->waiting.first;
}

static void start(struct target_reader *reader, struct target_call *call, const struct target_read *chosen)
{
	const char *path = chosen->path;
	for (struct target_read *read = reader->waiting.first, *next; read; read = next) {
		next = read->next;
		if (strcmp(read->path, path) != 0)
			continue;
		take_out(&reader->waiting, read);
		read->call = call;
		put(&call->reads, read);
		kube_timer_set(reader->loop, &read->limit, left_ms(read));
	}
	call->request = kube_call(reader->client, &(struct kube_call){.method = "GET",
								      .path = path,
								      .timeout_ms = TARGET_READ_MS,
								      .body_max = TARGET_BYTES_MAX,
								      .done = on_answer,
								      .context = call});
}

static void start_all(struct target_reader *reader)
{
	for (unsigned i = 0; i < CALLS_MAX && reader->waiting.first; i++) {
		struct target_read *chosen = reader->calls[i].reads.first ? NULL : choose(reader, i == 0);
		if (chosen)
			start(reader, &reader->calls[i], chosen);
	}
}

/*
 * Answers one read of a call. The owner may need long for a large object, and other work of the
 * loop should not wait for all of them.
 */
static void answer_next(void *context)
{
	struct target_call *call = context;
	end(call->reads.first, call->state, (struct str){call->body, call->body ? call->len : 0});
	if (call->reads.first) {
		kube_timer_set(call->reader->loop, &call->turn, 0);
		return;
	}
	release(call);
	start_all(call->reader);
}

/* --- Reads --- */

static void on_limit(void *context)
{
	struct target_read *read = context;
	struct target_reader *reader = read->reader;
	struct target_call *call = read->call;
	end_unread(read);
	if (!call || call->reads.first)
		return;
	release(call);
	start_all(reader);
}

/* Begins a read on the loop's thread. */
static void begin(void *context)
{
	struct target_read *read = context;
	struct target_reader *reader = read->reader;
	int64_t ms = left_ms(read);
	if (reader->stopped || ms == 0 || (!read->waits && reader->hasty == TARGET_READS_MAX)) {
		read->done(read, TARGET_UNREAD, (struct str){NULL, 0});
		return;
	}
	reader->hasty += !read->waits;
	read->call = NULL;
	read->limit = (struct kube_timer){.run = on_limit, .context = read};
	kube_timer_set(reader->loop, &read->limit, read->waits || ms < TARGET_READ_MS ? ms : TARGET_READ_MS);
	put(&reader->waiting, read);
	start_all(reader);
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
	for (unsigned i = 0; i < CALLS_MAX; i++) {
		release(&reader->calls[i]);
		while (reader->calls[i].reads.first)
			end_unread(reader->calls[i].reads.first);
	}
	while (reader->waiting.first)
		end_unread(reader->waiting.first);
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
	for (unsigned i = 0; i < CALLS_MAX; i++)
		free(reader->calls[i].body);
	kube_client_destroy(reader->client);
	free(reader);
}
