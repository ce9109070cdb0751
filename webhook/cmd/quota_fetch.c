#include "webhook/cmd/quota_fetch.h"

#include <stdlib.h>

#include "gpugate/vec.h"
#include "webhook/cmd/list_fetch.h"
#include "webhook/json/scan.h"

#define LIST_BYTES_MAX (256u << 20)

struct quota_fetch {
	struct quota_list *list;
	size_t size; /* Of its items. */
};

static int on_begin(void *context, struct error *err)
{
	const struct quota_fetch *fetch = context;
	(void)err;
	fetch->list->count = 0;
	arena_reset(&fetch->list->arena);
	return 0;
}

/* Copies the bytes of the object, from which the parsed document borrows. */
static int on_item(void *context, struct str json, struct error *err)
{
	struct quota_fetch *fetch = context;
	struct quota_list *list = fetch->list;
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

static int compare(const void *left, const void *right)
{
	const struct quota_document *a = left, *b = right;
	int order = str_cmp(a->tenant, b->tenant);
	return order ? order : str_cmp(a->quota, b->quota);
}

int quota_fetch(struct kube_config *config, struct quota_list *list, struct error *err)
{
	struct quota_fetch fetch = {.list = list};
	const struct list_fetch objects = {
	    .path = QUOTAS_PATH,
	    .what = "gpuquotas",
	    .forbidden = "a ClusterRole that allows `list` of gpuquotas.gpugate.io lets this user read them",
	    .missing =
		"the cluster has no gpuquotas.gpugate.io; install what gpugate needs there: `gpugate render ... | "
		"kubectl apply --server-side -f -`",
	    .begin = on_begin,
	    .item = on_item,
	    .context = &fetch};
	*list = (struct quota_list){0};
	arena_init(&list->arena, 256 << 10, LIST_BYTES_MAX);
	if (list_fetch(config, &objects, NULL, err) < 0)
		return -1;
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
