#include "webhook/kube/watch_state.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAGE_DEFAULT 500
/* With the query. Continue tokens take at most a few kilobytes. */
#define PATH_MAX_BYTES (256u << 10)
#define EMPTY_STREAMS_MAX 2
#define UNFINISHED_MAX 3
#define STREAM_MIN_S 290
#define STREAM_MAX_S 590

static const struct kube_watch_timing usual_timing = {
    .open_ms = 30000,
    .silence_ms = 90000,
    .backoff_ms = 800,
    .backoff_max_ms = 30000,
    .lasted_ms = 10000,
    .unsupported_ms = 3600000,
};

static void turn(struct kube_watch *watch)
{
	atomic_fetch_add(&watch->transitions, 1);
	if (watch->options.events.turned)
		watch->options.events.turned(watch->options.events.context);
}

static void on_opened(void *context)
{
	struct kube_watch *watch = context;
	int64_t now = kube_loop_now_ms(watch->loop);
	watch->opened_ms = now;
	atomic_store(&watch->last_activity_ms, now);
	if (watch->phase != LISTING) {
		atomic_fetch_add(&watch->streams, 1);
		turn(watch);
	}
}

static int on_received(void *context, const char *bytes, size_t len)
{
	struct kube_watch *watch = context;
	atomic_store(&watch->last_activity_ms, kube_loop_now_ms(watch->loop));
	watch->calling = true;
	int result = kube_stream_feed(&watch->stream, bytes, len, &watch->err);
	watch->calling = false;
	return result;
}

/*
 * A list without resourceVersion is a quorum read. So is a WatchList with these parameters, which
 * client-go's reflector sends as well. A watch starts after a version.
 */
static void add_path(struct kube_watch *watch, struct buf *path)
{
	const struct kube_watch_options *options = &watch->options;
	buf_text(path, options->path);
	buf_char(path, '?');
	if (options->query && options->query[0])
		buf_printf(path, "%s&", options->query);
	if (watch->phase == LISTING) {
		buf_printf(path, "limit=%u", options->page ? options->page : PAGE_DEFAULT);
		if (watch->next.len) {
			buf_text(path, "&continue=");
			kube_escape(path, buf_view(&watch->next));
		}
	} else {
		buf_printf(path, "watch=true&allowWatchBookmarks=true&timeoutSeconds=%" PRId64,
			   kube_random(watch->loop, STREAM_MIN_S, STREAM_MAX_S));
		if (watch->phase == WATCHING)
			buf_printf(path, "&resourceVersion=%" PRIu64, watch->version);
		else
			buf_text(path, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
	}
	buf_char(path, '\0');
}

static void on_done(void *context, const struct kube_response *response);

static void pause_for(struct kube_watch *watch, int64_t ms)
{
	watch->phase = PAUSED;
	kube_timer_set(watch->loop, &watch->pause, ms);
}

/* Starts the next step. */
static void go_on(void *context)
{
	struct kube_watch *watch = context;
	if (watch->version)
		watch->phase = WATCHING;
	else if (watch->next.len || kube_loop_now_ms(watch->loop) < watch->unsupported_until)
		watch->phase = LISTING;
	else
		watch->phase = WATCH_LIST;
	watch->err.text[0] = '\0';
	watch->error = (struct kube_status){.code = 0};
	watch->opened_ms = 0;
	watch->notified = false;
	struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	add_path(watch, &path);
	if (path.failed) {
		buf_release(&path);
		buf_reset(&watch->next);
		pause_for(watch, watch->timing.backoff_max_ms);
		return;
	}
	kube_stream_init(&watch->stream, watch->phase == LISTING ? KUBE_STREAM_LIST : KUBE_STREAM_WATCH,
			 kube_watch_take, watch);
	struct kube_call call = {.method = "GET",
				 .path = path.ptr,
				 .accept = !watch->options.metadata  ? NULL
					   : watch->phase == LISTING ? KUBE_METADATA_LIST
								     : KUBE_METADATA,
				 .timeout_ms = watch->timing.open_ms,
				 .silence_ms = watch->timing.silence_ms,
				 .opened = on_opened,
				 .received = on_received,
				 .done = on_done,
				 .context = watch};
	watch->request = kube_call(watch->client, &call);
	buf_release(&path);
}

/* --- The end of calls --- */

static int64_t next_wait(struct kube_watch *watch, unsigned retry_after_ms)
{
	int64_t most = watch->timing.backoff_max_ms, wait = watch->backoff_ms;
	watch->backoff_ms = wait < most / 2 ? wait * 2 : most;
	wait = kube_random(watch->loop, wait - wait / 4, wait);
	return wait > (int64_t)retry_after_ms ? wait : (int64_t)retry_after_ms;
}

static void log_failure(struct kube_watch *watch, const char *problem, int64_t wait_ms)
{
	char number[24];
	atomic_fetch_add(&watch->failures, 1);
	struct log_field fields[] = {{.key = "watch", .text = str_of(watch->options.name)},
				     {.key = "message", .text = str_of(problem)},
				     log_number("retry_ms", wait_ms, number)};
	log_event(watch->options.log, LOG_WARN, "kube_watch_failed", fields, 3);
}

static void report_failure(struct kube_watch *watch, enum kube_watch_phase phase, const struct kube_response *response,
			   unsigned status, int64_t wait_ms)
{
	const struct kube_watch_events *events = &watch->options.events;
	const char *problem = watch->err.text[0]  ? watch->err.text
			      : response->problem ? response->problem
						  : "the stream ended before everything was listed";
	log_failure(watch, problem, wait_ms);
	if (phase != WATCHING && events->list_failed)
		events->list_failed(events->context, status, problem);
}

/*
 * An API server may send nothing, not even bookmarks, about a collection that does not change. That
 * is normal and is not reported.
 */
static bool is_quiet(const struct kube_watch *watch, enum kube_watch_phase phase, const struct kube_response *response,
		     int64_t open_ms)
{
	return phase == WATCHING && response->status == 0 && !watch->err.text[0] && watch->opened_ms &&
	       open_ms >= watch->timing.silence_ms && !watch->notified;
}

/* Discards the list in progress and the version. */
static void need_list(struct kube_watch *watch)
{
	watch->version = 0;
	watch->begun = false;
	buf_reset(&watch->next);
}

/* A complete page has arrived. Returns 0, or -1 if it cannot be used. */
static int end_page(struct kube_watch *watch)
{
	const struct kube_list *list = &watch->stream.list;
	uint64_t version;
	if (!kube_version(list->version, &version) || version == 0)
		return error_set(&watch->err, "a list without a metadata.resourceVersion that is a number");
	if (watch->next.len == 0)
		/*
		 * The version of the first page: the watch repeats any later changes that other
		 * pages already contain.
		 */
		watch->list_version = version;
	buf_reset(&watch->next);
	buf_str(&watch->next, list->next);
	if (watch->next.failed)
		return error_set(&watch->err, "there is no memory for the next page of the list");
	watch->calling = true;
	kube_watch_begin(watch);
	if (watch->next.len == 0)
		kube_watch_synced(watch, watch->list_version);
	watch->calling = false;
	return 0;
}

/*
 * Decides from the end of a WatchList whether to try another. Returns whether the server refused
 * it, which is not a failure.
 */
static bool judge_watch_list(struct kube_watch *watch, unsigned status)
{
	bool refused = status == 400 || status == 422 || status == 501;
	if (refused || (watch->opened_ms && ++watch->unfinished >= UNFINISHED_MAX)) {
		watch->unfinished = 0;
		watch->unsupported_until = kube_loop_now_ms(watch->loop) + watch->timing.unsupported_ms;
	}
	return refused;
}

/* Whether the failure of a stream of changes may be caused by its version. */
static bool doubt_version(struct kube_watch *watch, unsigned status, int64_t open_ms)
{
	if (status == 400 || status == 422)
		return true;
	bool mute = watch->opened_ms && (watch->err.text[0] || open_ms >= watch->timing.silence_ms);
	watch->empty_streams = watch->notified ? 0 : watch->empty_streams + mute;
	return watch->empty_streams >= EMPTY_STREAMS_MAX;
}

/* A list or stream has failed, or a stream has ended: decides what to do next, and when. */
static void end_call(struct kube_watch *watch, enum kube_watch_phase phase, const struct kube_response *response,
		     bool orderly)
{
	unsigned status = watch->error.code ? watch->error.code : response->status;
	unsigned retry_after_ms = watch->error.code ? watch->error.retry_after_ms : response->retry_after_ms;
	int64_t open_ms = watch->opened_ms ? kube_loop_now_ms(watch->loop) - watch->opened_ms : 0;
	bool good = watch->notified || (phase == WATCHING && open_ms >= watch->timing.lasted_ms && !watch->error.code);
	if (good) {
		watch->backoff_ms = watch->timing.backoff_ms;
		watch->expired = 0;
	}
	if (phase != WATCHING)
		need_list(watch);
	if (phase == WATCH_LIST && judge_watch_list(watch, status)) {
		pause_for(watch, 0);
		return;
	}
	if (orderly && phase == WATCHING) {
		pause_for(watch, good ? 0 : next_wait(watch, 0));
		return;
	}
	int64_t wait = status == 410 && watch->expired == 0 ? 0 : next_wait(watch, retry_after_ms);
	if (status == 410)
		watch->expired++;
	if (status == 410 || (phase == WATCHING && doubt_version(watch, status, open_ms))) {
		need_list(watch);
		watch->empty_streams = 0;
	}
	if (!is_quiet(watch, phase, response, open_ms))
		report_failure(watch, phase, response, status, wait);
	pause_for(watch, wait);
}

static void on_done(void *context, const struct kube_response *response)
{
	struct kube_watch *watch = context;
	enum kube_watch_phase phase = watch->phase;
	bool orderly = response->status == 200 && kube_stream_finish(&watch->stream, &watch->err) == 0;
	watch->request = NULL;
	if (phase == LISTING && orderly && !watch->relist) {
		if (end_page(watch) == 0)
			pause_for(watch, 0);
		else
			end_call(watch, phase, response, false);
	} else if (!watch->relist) {
		end_call(watch, phase, response, orderly);
	}
	watch->opened_ms = 0;
	kube_stream_release(&watch->stream);
	if (watch->relist) {
		watch->relist = false;
		need_list(watch);
		/* The reason for relisting may persist: wait from the second such list in a row. */
		bool again = phase != WATCHING && watch->useless++ > 0;
		pause_for(watch, again ? next_wait(watch, 0) : 0);
	}
	if (phase != LISTING)
		turn(watch);
}

/* --- Public functions --- */

struct kube_watch *kube_watch_create(struct kube_loop *loop, struct kube_client *client,
				     const struct kube_watch_options *options, struct error *err)
{
	struct kube_watch *watch = calloc(1, sizeof *watch);
	if (!watch) {
		error_set(err, "there is no memory to watch %s", options->name);
		return NULL;
	}
	watch->loop = loop;
	watch->client = client;
	watch->options = *options;
	watch->timing = options->timing ? *options->timing : usual_timing;
	watch->backoff_ms = watch->timing.backoff_ms;
	watch->pause = (struct kube_timer){.run = go_on, .context = watch};
	buf_init(&watch->next, PATH_MAX_BYTES / 4);
	return watch;
}

void kube_watch_destroy(struct kube_watch *watch)
{
	if (!watch)
		return;
	kube_timer_clear(watch->loop, &watch->pause);
	if (watch->request) {
		kube_cancel(watch->client, watch->request);
		kube_stream_release(&watch->stream);
	}
	buf_release(&watch->next);
	free(watch);
}

void kube_watch_set_path(struct kube_watch *watch, const char *path)
{
	watch->options.path = path;
}

void kube_watch_start(struct kube_watch *watch)
{
	pause_for(watch, 0);
}

void kube_watch_relist(struct kube_watch *watch)
{
	if (watch->calling) {
		watch->relist = true; /* kube_watch_take and on_done handle it. */
		return;
	}
	need_list(watch);
	if (!watch->request)
		return; /* Not started, or paused: a list is next in any case. */
	kube_cancel(watch->client, watch->request);
	watch->request = NULL;
	watch->opened_ms = 0;
	kube_stream_release(&watch->stream);
	bool stream = watch->phase != LISTING;
	pause_for(watch, 0);
	if (stream)
		turn(watch);
}

bool kube_watch_live(const struct kube_watch *watch)
{
	return watch->phase == WATCHING && watch->opened_ms != 0;
}

int64_t kube_watch_last_activity_ms(const struct kube_watch *watch)
{
	return atomic_load(&watch->last_activity_ms);
}

void kube_watch_counts(const struct kube_watch *watch, struct kube_watch_counts *counts)
{
	counts->lists = atomic_load(&watch->lists);
	counts->streams = atomic_load(&watch->streams);
	counts->transitions = atomic_load(&watch->transitions);
	counts->failures = atomic_load(&watch->failures);
	counts->events = atomic_load(&watch->events);
}
