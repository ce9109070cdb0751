#include "webhook/cmd/list_fetch.h"

#include <pthread.h>

#include "webhook/kube/client.h"
#include "webhook/kube/stream.h"

#define PAGE "?limit=500"
#define PATH_BYTES_MAX (256u << 10) /* A continue token takes at most a few kilobytes. */
#define BEGINNINGS_MAX 3            /* How often a list is started, if its pages expire. */

struct fetch {
	const struct list_fetch *list;
	struct kube_client *client;
	struct kube_stream stream; /* The current page. */
	struct buf path;
	unsigned beginnings, status;
	struct error err;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	bool has_ended;
};

static void end(struct fetch *fetch)
{
	pthread_mutex_lock(&fetch->mutex);
	fetch->has_ended = true;
	pthread_cond_signal(&fetch->ended);
	pthread_mutex_unlock(&fetch->mutex);
}

/* --- A page --- */

static int on_item(void *context, struct str type, struct str json, struct error *err)
{
	struct fetch *fetch = context;
	(void)type;
	return fetch->list->item(fetch->list->context, json, err);
}

static int on_received(void *context, const char *bytes, size_t len)
{
	struct fetch *fetch = context;
	return kube_stream_feed(&fetch->stream, bytes, len, &fetch->err);
}

static void ask_page(struct fetch *fetch);

static void begin(struct fetch *fetch)
{
	fetch->beginnings++;
	buf_reset(&fetch->path);
	buf_printf(&fetch->path, "%s" PAGE, fetch->list->path);
	if (fetch->list->begin(fetch->list->context, &fetch->err) < 0)
		end(fetch);
	else
		ask_page(fetch);
}

static void take_failure(struct fetch *fetch, const struct kube_response *answer)
{
	const struct list_fetch *list = fetch->list;
	const char *problem = answer->problem ? answer->problem : "the API server gave no answer";
	if (answer->status == 404 && list->missing)
		error_set(&fetch->err, "%s", list->missing);
	else if (answer->status == 403 && list->forbidden)
		error_set(&fetch->err, "%s; %s", problem, list->forbidden);
	else
		error_set(&fetch->err, "%s", problem);
}

static void on_page(void *context, const struct kube_response *answer)
{
	struct fetch *fetch = context;
	struct str next = fetch->stream.list.next;
	fetch->status = answer->status;
	if (answer->status == 410 && fetch->beginnings < BEGINNINGS_MAX) {
		kube_stream_release(&fetch->stream);
		begin(fetch);
		return;
	}
	if (fetch->err.text[0])
		error_wrap(&fetch->err, "the list of %s cannot be read", fetch->list->what);
	else if (answer->status != 200)
		take_failure(fetch, answer);
	else
		kube_stream_finish(&fetch->stream, &fetch->err);
	bool more = !fetch->err.text[0] && next.len > 0;
	if (more) {
		buf_reset(&fetch->path);
		buf_printf(&fetch->path, "%s" PAGE "&continue=", fetch->list->path);
		kube_escape(&fetch->path, next);
	}
	kube_stream_release(&fetch->stream);
	if (more)
		ask_page(fetch);
	else
		end(fetch);
}

static void ask_page(struct fetch *fetch)
{
	kube_stream_init(&fetch->stream, KUBE_STREAM_LIST, on_item, fetch);
	buf_char(&fetch->path, '\0');
	if (fetch->path.failed) {
		error_set(&fetch->err, "there is not enough memory");
		end(fetch);
		return;
	}
	kube_call(fetch->client, &(struct kube_call){.method = "GET",
						     .path = fetch->path.ptr,
						     .accept = fetch->list->accept,
						     .timeout_ms = LIST_FETCH_MS,
						     .silence_ms = LIST_FETCH_MS,
						     .received = on_received,
						     .done = on_page,
						     .context = fetch});
}

/* --- The whole list --- */

static void wait_for_end(struct fetch *fetch)
{
	pthread_mutex_lock(&fetch->mutex);
	while (!fetch->has_ended)
		pthread_cond_wait(&fetch->ended, &fetch->mutex);
	pthread_mutex_unlock(&fetch->mutex);
}

static int fetch_with(struct fetch *fetch, struct kube_loop *loop)
{
	begin(fetch);
	if (kube_loop_start(loop, &fetch->err) < 0)
		return -1;
	wait_for_end(fetch);
	kube_loop_stop(loop);
	return fetch->err.text[0] ? -1 : 0;
}

int list_fetch(struct kube_config *config, const struct list_fetch *list, unsigned *status, struct error *err)
{
	struct fetch fetch = {.list = list};
	struct kube_loop *loop = kube_loop_create(err);
	if (status)
		*status = 0;
	if (!loop)
		return -1;
	buf_init(&fetch.path, PATH_BYTES_MAX);
	pthread_mutex_init(&fetch.mutex, NULL);
	pthread_cond_init(&fetch.ended, NULL);
	fetch.client = kube_client_create(loop, config, &fetch.err);
	int result = fetch.client ? fetch_with(&fetch, loop) : -1;
	if (status)
		*status = fetch.status;
	kube_client_destroy(fetch.client);
	kube_loop_destroy(loop);
	pthread_cond_destroy(&fetch.ended);
	pthread_mutex_destroy(&fetch.mutex);
	buf_release(&fetch.path);
	return result < 0 ? error_set(err, "%s", fetch.err.text) : 0;
}
