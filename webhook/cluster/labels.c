#include "webhook/cluster/labels.h"

#include "webhook/cluster/completion.h"
#include "webhook/cluster/state.h"

/*
 * Copies known labels into the request's arena; the caller holds the mutex. Returns whether they
 * are known.
 */
static bool find(struct ledger_cluster *cluster, struct reservation_request *request)
{
	const struct pairs *labels = ledger_namespace_labels(cluster->ledger, request->namespace);
	if (!labels)
		return false;
	struct pair *items = arena_zalloc(request->arena, labels->count, sizeof *items);
	request->result = items ? 0 : -1;
	for (uint32_t i = 0; items && i < labels->count && request->result == 0; i++) {
		items[i].key = arena_str(request->arena, labels->items[i].key);
		items[i].value = arena_str(request->arena, labels->items[i].value);
		if (!str_present(items[i].key) || !str_present(items[i].value))
			request->result = -1;
	}
	if (request->result == 0)
		request->labels = (struct pairs){items, labels->count, true};
	return true;
}

bool labels_find(void *context, struct reservation_request *request)
{
	struct ledger_cluster *cluster = context;
	pthread_mutex_lock(&cluster->mutex);
	bool known = find(cluster, request);
	pthread_mutex_unlock(&cluster->mutex);
	return known;
}

void labels_arrive(struct ledger_cluster *cluster, struct reservation_request *request)
{
	if (labels_find(cluster, request)) /* They may have arrived since admission asked. */
		request->done(request);
	else
		list_put(&cluster->queue.unasked, request);
}

struct reservation_request *labels_next(struct ledger_cluster *cluster)
{
	return list_take(&cluster->queue.unasked);
}

void labels_requested(struct ledger_cluster *cluster, struct reservation_request *request, int result)
{
	if (result == 0)
		list_put(&cluster->queue.unknown, request);
	else
		request_complete_failed(request);
}

/* Delivers the labels of a request's namespace, or an error. Returns false if it still waits. */
static bool deliver(struct ledger_cluster *cluster, struct reservation_request *request, unsigned status)
{
	bool known = labels_find(cluster, request);
	if (!known && status == 0)
		return false;
	if (!known && status != 404) {
		request_complete_undecided(cluster, request, true, "");
		return true;
	}
	if (!known) /* It does not exist: the API server will reject the Pod. */
		request->labels = (struct pairs){.present = true};
	request->done(request);
	return true;
}

void labels_deliver(struct ledger_cluster *cluster, struct str namespace, unsigned status)
{
	struct request_list all;
	list_init(&all);
	list_move(&all, &cluster->queue.unknown, false);
	for (struct reservation_request *request; (request = list_take(&all));)
		if (!str_eq(request->namespace, namespace) || !deliver(cluster, request, status))
			list_put(&cluster->queue.unknown, request);
}

void labels_request_again(struct ledger_cluster *cluster)
{
	list_move(&cluster->queue.unasked, &cluster->queue.unknown, true);
}
