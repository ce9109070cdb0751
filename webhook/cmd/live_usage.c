#include "webhook/cmd/live_usage.h"

#include "gpugate/consumer.h"
#include "gpugate/policy.h"
#include "gpugate/quota.h"
#include "webhook/base/claim_versions.h"
#include "webhook/cmd/list_fetch.h"
#include "webhook/cmd/quota_fetch.h"
#include "webhook/json/text.h"
#include "webhook/kube/client.h"
#include "webhook/simulate/usage.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 20) /* For reading one object. */
#define SHOWN_MAX 5                  /* Quotas that are named to people. */

#define FORBIDDEN(what)                                                                                                \
	"--live needs the right to `list` " what " in all namespaces. Without it, ask the cluster itself: `kubectl "   \
	"apply --dry-run=server -f FILE` creates nothing, and shows the same message"

#define PATHS_MAX 3

struct live_kind {
	const char *what, *kind, *accept;
	const char *forbidden; /* NULL: they are left out if they are forbidden. */
	const char *gap;       /* Why classes are then not known; NULL: they are no classes. */
	/* Whether decisions by the policy need them; NULL: always. */
	bool (*needed)(const struct policy *policy);
	enum consumer_kind consumer;  /* CONSUMER_KINDS: they are none. */
	const char *paths[PATHS_MAX]; /* The later ones are for older clusters. */
};
#define CLAIMS_AT(version) CLAIM_PATH(version),
#define CLASSES_AT(version) DEVICE_CLASS_PATH(version),
#define SLICES_AT(version) RESOURCE_SLICE_PATH(version),

/* Labels are read first, so that no Pod is charged without those of its namespace. */
static const struct live_kind kinds[] = {
    {.what = "namespaces",
     .kind = "Namespace",
     .accept = KUBE_METADATA_LIST,
     .forbidden = FORBIDDEN("namespaces"),
     .needed = policy_reads_namespaces,
     .consumer = CONSUMER_KINDS,
     .paths = {"/api/v1/namespaces"}},
    {.what = "nodes",
     .kind = "Node",
     .accept = KUBE_METADATA_LIST,
     .forbidden = FORBIDDEN("nodes"),
     .needed = policy_reads_nodes,
     .consumer = CONSUMER_KINDS,
     .paths = {"/api/v1/nodes"}},
    {.what = "pods",
     .kind = "Pod",
     .forbidden = FORBIDDEN("pods"),
     .consumer = CONSUMER_POD,
     .paths = {"/api/v1/pods"}},
    {.what = "resourceclaims",
     .kind = "ResourceClaim",
     .forbidden = FORBIDDEN("resourceclaims"),
     .needed = policy_counts_claims,
     .consumer = CONSUMER_CLAIM,
     .paths = {CLAIM_VERSIONS(CLAIMS_AT)}},
    {.what = "deviceclasses",
     .kind = "DeviceClass",
     .gap = "you may not list deviceclasses (resource.k8s.io)",
     .needed = policy_counts_claims,
     .consumer = CONSUMER_KINDS,
     .paths = {CLAIM_VERSIONS(CLASSES_AT)}},
    {.what = "resourceslices",
     .kind = "ResourceSlice",
     .needed = policy_reads_nodes,
     .consumer = CONSUMER_KINDS,
     .paths = {CLAIM_VERSIONS(SLICES_AT)}},
};

struct live {
	struct simulation *simulation;
	struct replaced *replaced;
	const struct live_kind *kind;
	struct arena arena;
};

static int on_begin(void *context, struct error *err)
{
	const struct live *live = context;
	(void)err;
	if (live->kind->consumer != CONSUMER_KINDS)
		simulation_list_begin(live->simulation, live->kind->consumer);
	if (live->kind->consumer == CONSUMER_POD)
		replaced_forget(live->replaced);
	return 0;
}

static int on_item(void *context, struct str json, struct error *err)
{
	struct live *live = context;
	arena_reset(&live->arena);
	return simulation_take(live->simulation, str_of(live->kind->kind), json, live->replaced, &live->arena, err) < 0
		   ? -1
		   : 0;
}

/* Reads the list at that path. Returns 0, or -1 with an error. */
static int read_path(struct kube_config *config, struct live *live, const char *path, unsigned *status,
		     struct error *err)
{
	const struct live_kind *kind = live->kind;
	const struct list_fetch list = {.path = path,
					.what = kind->what,
					.accept = kind->accept,
					.forbidden = kind->forbidden,
					.begin = on_begin,
					.item = on_item,
					.context = live};
	return list_fetch(config, &list, status, err);
}

/* A cluster that does not serve what devices are allocated by has none of that. */
static int read_kind(struct kube_config *config, struct live *live, struct error *err)
{
	const struct live_kind *kind = live->kind;
	unsigned status = 0;
	int result = read_path(config, live, kind->paths[0], &status, err);
	for (size_t i = 1; result < 0 && status == 404 && kind->paths[1]; i++) {
		*err = (struct error){0};
		if (i == PATHS_MAX || !kind->paths[i]) {
			result = 0;
			break;
		}
		result = read_path(config, live, kind->paths[i], &status, err);
	}
	if (result < 0 && status == 403 && !kind->forbidden) {
		*err = (struct error){0};
		if (kind->gap)
			simulation_miss_classes(live->simulation, kind->gap);
		return 0;
	}
	if (result < 0 || kind->consumer == CONSUMER_KINDS)
		return result;
	return simulation_list_end(live->simulation, kind->consumer) < 0 ? error_set(err, "there is not enough memory")
									 : 0;
}

int live_usage_read(struct kube_config *config, const struct policy *policy, struct simulation *simulation,
		    struct replaced *replaced, struct error *err)
{
	struct live live = {.simulation = simulation, .replaced = replaced};
	int result = 0;
	arena_init(&live.arena, ARENA_CHUNK, ARENA_MAX);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && result == 0; i++) {
		live.kind = &kinds[i];
		if (!kinds[i].needed || kinds[i].needed(policy))
			result = read_kind(config, &live, err);
	}
	arena_release(&live.arena);
	if (result == 0 && simulation_renew(simulation) < 0)
		return error_set(err, "there is not enough memory");
	return result;
}

/* --- What the cluster publishes --- */

static const struct quota_document *find(const struct quota_list *list, const struct quota_view *quota)
{
	uint32_t low = 0, high = list->count; /* It is in [low, high), if it is there. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct quota_document *document = &list->items[middle];
		int order = str_cmp(document->tenant, quota->tenant);
		order = order ? order : str_cmp(document->quota, quota->name);
		if (order == 0)
			return document;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void compare_one(json_t *differences, const struct policy *policy, const struct quota_view *quota, wide used,
			const struct quota_document *published)
{
	struct buf counted;
	buf_init(&counted, 256);
	amount_print(used, policy_unit(policy), quota->measure, &counted);
	if (!str_eq(buf_view(&counted), published->used) || !str_eq(published->pending, STR("0")))
		json_array_append_new(
		    differences, json_pack("{s:o, s:o, s:o, s:o, s:o}", "tenant", json_text(quota->tenant), "quota",
					   json_text(quota->name), "counted", json_text(buf_view(&counted)), "used",
					   json_text(published->used), "pending", json_text(published->pending)));
	buf_release(&counted);
}

json_t *live_usage_compare(struct kube_config *config, const struct policy *policy, const struct simulation *simulation)
{
	json_t *differences = json_null();
	struct quota_list list;
	struct error ignored = {0};
	if (quota_fetch(config, &list, &ignored) == 0)
		differences = json_array();
	for (uint32_t q = 0; json_is_array(differences) && q < policy_quota_count(policy); q++) {
		struct quota_view quota;
		policy_quota(policy, q, &quota);
		const struct quota_document *published = find(&list, &quota);
		if (published && str_present(published->used) && str_present(published->pending))
			compare_one(differences, policy, &quota, simulation_used(simulation, q), published);
	}
	quota_list_release(&list);
	return differences;
}

static const char *get(const json_t *difference, const char *key)
{
	const char *text = json_string_value(json_object_get(difference, key));
	return text ? text : "";
}

void live_usage_print(const json_t *differences, struct buf *out)
{
	size_t count = json_array_size(differences), i;
	json_t *difference;
	if (json_is_null(differences))
		buf_text(out, "\nThe gpuquotas of the cluster cannot be read, so that it is not known whether Pods are "
			      "pending, which are not counted here.\n");
	if (count == 0)
		return;
	buf_text(out,
		 "\nThe cluster publishes other numbers: either Pods are being admitted or have just ended, or its "
		 "policy is another one.\n");
	json_array_foreach(differences, i, difference)
	{
		if (i == SHOWN_MAX) {
			buf_printf(out, "  and %zu more quotas\n", count - i);
			return;
		}
		buf_printf(out, "  %s/%s: %s counted here; gpuquotas has %s used and %s pending\n",
			   get(difference, "tenant"), get(difference, "quota"), get(difference, "counted"),
			   get(difference, "used"), get(difference, "pending"));
	}
}
