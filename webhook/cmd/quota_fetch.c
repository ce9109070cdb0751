#include "webhook/cmd/quota_fetch.h"

#include <pthread.h>
#include <stdlib.h>

#include "gpugate/vec.h"
#include "webhook/kube/client.h"
#include "webhook/kube/stream.h"
#include "webhook/kube/watch.h"

#define PAGE "?limit=500"
#define PATH_BYTES_MAX (256u << 10) /* A continue token takes at most a few kilobytes. */
#define LIST_BYTES_MAX (256u << 20)
#define BEGINNINGS_MAX 3 /* How often a list is started, if its pages expire. */

struct fetch {
	struct kube_client *client;
	struct quota_list *list;
	struct kube_stream stream; /* The current page. */
	struct buf path;
	size_t size;
	unsigned beginnings;
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

/* Copies the bytes of the object, from which the parsed document borrows. */
static int on_item(void *context, struct str type, struct str json, struct error *err)
{
	struct fetch *fetch = context;
	struct quota_list *list = fetch->list;
	(void)type;
	struct quota_document *items = vec_room(list->items, list->count, &fetch->size, 64, sizeof *items);
	if (!items)
		return error_set(err, "there is not enough memory");
	list->items = items;
	char *copy = arena_zalloc(&list->arena, 1, json.len + REVIEW_PADDING);
	if (!copy)
		return error_set(err, "there is not enough memory");
	memcpy(copy, json.ptr, json.len);
	struct str bytes = {copy, json.len};
	return quota_document_read(bytes, &list->arena, &list->items[list->count++], err);
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
	fetch->list->count = 0;
	arena_reset(&fetch->list->arena);
	buf_reset(&fetch->path);
	buf_text(&fetch->path, QUOTAS_PATH PAGE);
	ask_page(fetch);
}

static void take_failure(struct fetch *fetch, const struct kube_response *response)
{
	const char *problem = response->problem ? response->problem : "the API server gave no answer";
	if (response->status == 404)
		error_set(&fetch->err, "the cluster has no gpuquotas.gpugate.io; install what gpugate needs there: "
				       "`gpugate render ... | kubectl apply --server-side -f -`");
	else if (response->status == 403)
		error_set(&fetch->err,
			  "%s; a ClusterRole that allows `list` of gpuquotas.gpugate.io lets this user read them",
			  problem);
	else
		error_set(&fetch->err, "%s", problem);
}

static void on_page(void *context, const struct kube_response *response)
{
	struct fetch *fetch = context;
	struct str next = fetch->stream.list.next;
	if (response->status == 410 && fetch->beginnings < BEGINNINGS_MAX) {
		kube_stream_release(&fetch->stream);
		begin(fetch);
		return;
	}
	if (fetch->err.text[0])
		error_wrap(&fetch->err, "the list of gpuquotas cannot be read");
	else if (response->status != 200)
		take_failure(fetch, response);
	else
		kube_stream_finish(&fetch->stream, &fetch->err);
	bool more = !fetch->err.text[0] && next.len > 0;
	if (more) {
		buf_reset(&fetch->path);
		buf_text(&fetch->path, QUOTAS_PATH PAGE "&continue=");
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
						     .timeout_ms = QUOTA_FETCH_MS,
						     .silence_ms = QUOTA_FETCH_MS,
						     .received = on_received,
						     .done = on_page,
						     .context = fetch});
}

/* --- The whole list --- */

static int compare(const void *left, const void *right)
{
	const struct quota_document *a = left, *b = right;
	int order = str_cmp(a->tenant, b->tenant);
	return order ? order : str_cmp(a->quota, b->quota);
}

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

int quota_fetch(struct kube_config *config, struct quota_list *list, struct error *err)
{
	struct fetch fetch = {.list = list};
	struct kube_loop *loop = kube_loop_create(err);
	*list = (struct quota_list){0};
	arena_init(&list->arena, 256 << 10, LIST_BYTES_MAX);
	if (!loop)
		return -1;
	buf_init(&fetch.path, PATH_BYTES_MAX);
	pthread_mutex_init(&fetch.mutex, NULL);
	pthread_cond_init(&fetch.ended, NULL);
	fetch.client = kube_client_create(loop, config, &fetch.err);
	int result = fetch.client ? fetch_with(&fetch, loop) : -1;
	kube_client_destroy(fetch.client);
	kube_loop_destroy(loop);
	pthread_cond_destroy(&fetch.ended);
	pthread_mutex_destroy(&fetch.mutex);
	buf_release(&fetch.path);
	if (result < 0)
		return error_set(err, "%s", fetch.err.text);
	if (list->count > 1)
		qsort(list->items, list->count, sizeof *list->items, compare);
	return 0;
}

void quota_list_release(struct quota_list *list)
{
	free(list->items);
	arena_release(&list->arena);
	*list = (struct quota_list){0};
}
