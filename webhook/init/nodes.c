#include "webhook/init/nodes.h"

#include <stdio.h>

#include "gpugate/known.h"
#include "gpugate/quantity.h"
#include "webhook/init/choices.h"
#include "webhook/json/field.h"

#define GPU STR("nvidia.com/gpu")
#define MIG_PREFIX STR("nvidia.com/mig-")
#define SHARED_SUFFIX STR(".shared")
#define PRODUCT_KEY STR("nvidia.com/gpu.product")
#define REPLICAS_KEY STR("nvidia.com/gpu.replicas")
#define REPLICAS_MOST 65536

#define L(text)                                                                                                        \
	{                                                                                                              \
		(text), sizeof(text) - 1                                                                               \
	}

/* --- The Node --- */

struct node {
	struct str name;
	struct pairs labels;
	struct pairs capacity;
};

static const struct field meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct node, name)},
    {FIELD_KEY("labels"), .read = field_pairs, .offset = offsetof(struct node, labels)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape meta_shape = SHAPE(meta_fields, 0);

static const struct field status_fields[] = {
    {FIELD_KEY("capacity"), .read = field_quantities, .offset = offsetof(struct node, capacity)},
};
static const struct shape status_shape = SHAPE(status_fields, 0);

static const struct field node_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("status"), .read = field_object, .shape = &status_shape},
};
static const struct shape node_shape = SHAPE(node_fields, 0);

/* --- Labels that tell models apart --- */

/* For resources that begin with `prefix`, the first label that a node has names its model. */
static const struct {
	struct str prefix, key;
} main_labels[] = {
    {L("nvidia.com/"), L("nvidia.com/gpu.product")},
    {L("nvidia.com/"), L("cloud.google.com/gke-accelerator")},
    {L("nvidia.com/"), L("karpenter.k8s.aws/instance-gpu-name")},
    {L("nvidia.com/"), L("k8s.amazonaws.com/accelerator")},
    {L("amd.com/"), L("amd.com/gpu.product-name")},
    {L("gpu.intel.com/"), L("gpu.intel.com/product")},
    {L("google.com/tpu"), L("cloud.google.com/gke-tpu-accelerator")},
    {L(""), L("node.kubernetes.io/instance-type")},
};

/* What tells node pools of GKE with the same accelerator apart. */
static const struct str gke_labels[] = {
    L("cloud.google.com/gke-gpu-partition-size"),
    L("cloud.google.com/gke-gpu-sharing-strategy"),
    L("cloud.google.com/gke-max-shared-clients-per-gpu"),
};
#define GKE_MAIN STR("cloud.google.com/gke-accelerator")
#define GKE_PARTITION gke_labels[0]
#define GKE_CLIENTS gke_labels[2]

static void add_label(struct fleet_group *like, const struct pairs *labels, struct str key)
{
	struct str value = fleet_label(labels, key);
	if (value.len && like->label_count < FLEET_LABELS_MAX)
		like->labels[like->label_count++] = (struct pair){key, value};
}

static void identify(struct fleet_group *like, const struct pairs *labels)
{
	for (; like->rank < sizeof main_labels / sizeof main_labels[0]; like->rank++) {
		if (str_starts(like->resource, main_labels[like->rank].prefix))
			add_label(like, labels, main_labels[like->rank].key);
		if (like->label_count)
			break;
	}
	if (like->label_count == 0)
		return;
	like->product = like->labels[0].value;
	if (str_eq(like->labels[0].key, GKE_MAIN))
		for (size_t i = 0; i < sizeof gke_labels / sizeof gke_labels[0]; i++)
			add_label(like, labels, gke_labels[i]);
	struct str replicas = fleet_label(labels, REPLICAS_KEY);
	if (str_eq(like->labels[0].key, PRODUCT_KEY) && replicas.len)
		like->soft = (struct pair){REPLICAS_KEY, replicas};
}

/* --- How devices are cut and shared --- */

static int64_t amount(const struct pairs *capacity, struct str resource)
{
	int64_t count;
	for (uint32_t i = 0; i < capacity->count; i++)
		if (str_eq(capacity->items[i].key, resource))
			return quantity_count(capacity->items[i].value, &count) == QUANTITY_OK ? count : 0;
	return 0;
}

/* Returns the offset at which the MIG profile of a product begins; 0: it has none. */
static size_t find_single(struct str product)
{
	static const struct str mark = {"-MIG-", 5};
	for (size_t i = 0; i + mark.len < product.len; i++)
		if (memcmp(product.ptr + i, mark.ptr, mark.len) == 0)
			return i;
	return 0;
}

static struct str mig_resource(struct arena *arena, struct str profile)
{
	char name[96];
	int len =
	    snprintf(name, sizeof name, "nvidia.com/mig-%.*s", (int)(profile.len < 63 ? profile.len : 63), profile.ptr);
	return arena_str(arena, (struct str){name, (size_t)len});
}

/* Slices that have the name of the device: by the product's name, or by GKE's label. */
static int find_slices_of_one_name(struct fleet *fleet, struct fleet_group *group, const struct pairs *labels,
				   struct error *err)
{
	struct str product = fleet_label(labels, PRODUCT_KEY), profile = fleet_label(labels, GKE_PARTITION);
	size_t mark = product.len ? find_single(product) : 0;
	if (str_present(group->single))
		return 0;
	if (mark) {
		profile = str_tail(product, mark + sizeof "-MIG-" - 1);
		if (str_ends(profile, STR("-SHARED")))
			profile.len -= sizeof "-SHARED" - 1;
		group->product.len = group->product.len > mark ? mark : group->product.len;
	}
	if (profile.len == 0)
		return 0;
	group->single = mig_resource(&fleet->arena, profile);
	return group->single.ptr ? 0 : fleet_no_memory(err);
}

/* A node says that it has `share`, in `replicas` of each device or slice; 0: it does not say. */
static int note_sharing(struct fleet *fleet, struct fleet_group *group, struct str share, int64_t replicas,
			struct error *err)
{
	if (replicas < 2 || replicas > REPLICAS_MOST)
		replicas = 0;
	if (str_present(group->share)) {
		group->mixed |= !str_eq(group->share, share) || group->replicas != replicas;
		if (str_eq(group->share, share) && replicas > group->replicas)
			group->replicas = replicas;
		return 0;
	}
	group->share = arena_str(&fleet->arena, share);
	group->replicas = replicas;
	return group->share.ptr ? 0 : fleet_no_memory(err);
}

static int note_slice(struct fleet *fleet, struct fleet_group *group, struct str slice, struct error *err)
{
	for (uint32_t i = 0; i < group->slice_count; i++)
		if (str_eq(group->slices[i], slice))
			return 0;
	if (group->slice_count == FLEET_SLICES_MAX)
		return 0;
	group->slices[group->slice_count] = arena_str(&fleet->arena, slice);
	return group->slices[group->slice_count++].ptr ? 0 : fleet_no_memory(err);
}

/* The label with the number of shares of a slice: nvidia.com/mig-1g.10gb.replicas. */
static int64_t slice_replicas(const struct pairs *labels, struct str slice)
{
	char key[128];
	int len = snprintf(key, sizeof key, "%.*s.replicas", STR_ARG(slice));
	return len < (int)sizeof key ? fleet_label_number(labels, (struct str){key, (size_t)len}) : 0;
}

/* A share of the whole device that keeps the device's name. */
static bool shares_keep_name(const struct pairs *labels)
{
	struct str strategy = fleet_label(labels, STR("nvidia.com/gpu.sharing-strategy"));
	return str_ends(fleet_label(labels, PRODUCT_KEY), STR("-SHARED")) || str_eq(strategy, STR("time-slicing")) ||
	       str_eq(strategy, STR("mps"));
}

static int note_nvidia(struct fleet *fleet, struct fleet_group *group, const struct node *node, struct error *err)
{
	int64_t replicas = fleet_label_number(&node->labels, REPLICAS_KEY);
	int64_t clients = fleet_label_number(&node->labels, GKE_CLIENTS);
	bool renamed = false;
	group->whole |= str_eq(fleet_label(&node->labels, REPLICAS_KEY), STR("1"));
	if (choices_note(fleet, group, node->name, &node->labels, err) < 0)
		return -1;
	for (uint32_t i = 0; i < node->capacity.count; i++) {
		struct str name = node->capacity.items[i].key, slice = name;
		bool shared = str_ends(name, SHARED_SUFFIX);
		if (!str_starts(name, MIG_PREFIX) || amount(&node->capacity, name) == 0)
			continue;
		if (shared)
			slice.len -= SHARED_SUFFIX.len;
		if (note_slice(fleet, group, slice, err) < 0 ||
		    (shared && note_sharing(fleet, group, name, slice_replicas(&node->labels, slice), err) < 0))
			return -1;
		renamed |= shared;
	}
	int64_t shares = amount(&node->capacity, STR("nvidia.com/gpu.shared"));
	int64_t devices = fleet_label_number(&node->labels, STR("nvidia.com/gpu.count"));
	if (shares > 0 && !renamed) {
		if (replicas < 2 && devices > 0 && shares % devices == 0)
			replicas = shares / devices;
		return note_sharing(fleet, group, STR("nvidia.com/gpu.shared"), replicas, err);
	}
	if (find_slices_of_one_name(fleet, group, &node->labels, err) < 0)
		return -1;
	if (renamed || str_present(group->single) || amount(&node->capacity, GPU) == 0)
		return 0;
	if (clients > 1)
		return note_sharing(fleet, group, GPU, clients, err);
	return replicas > 1 && shares_keep_name(&node->labels) ? note_sharing(fleet, group, GPU, replicas, err) : 0;
}

/* --- Memory and number of devices --- */

/* AMD's label says gibibytes, as in 192G. */
static int64_t vram_mib(struct str vram)
{
	int64_t gib;
	struct str digits = {vram.ptr, vram.len ? vram.len - 1 : 0};
	if (!str_ends(vram, STR("G")) || digits.len == 0 || quantity_count(digits, &gib) != QUANTITY_OK)
		return 0;
	return gib <= 32768 ? gib * 1024 : 0;
}

static void note_size(struct fleet_group *group, const struct pairs *labels, int64_t capacity)
{
	int64_t mib = 0, devices = 0;
	if (str_starts(group->resource, STR("nvidia.com/"))) {
		mib = fleet_label_number(labels, STR("nvidia.com/gpu.memory"));
		devices = fleet_label_number(labels, STR("nvidia.com/gpu.count"));
	} else if (str_starts(group->resource, STR("amd.com/"))) {
		mib = vram_mib(fleet_label(labels, STR("amd.com/gpu.vram")));
	}
	if (!str_present(group->single) && mib > group->mib && mib <= INT64_C(32) << 20)
		group->mib = mib;
	devices = devices > 0 ? devices : capacity;
	if (devices > INT64_MAX - group->devices)
		devices = INT64_MAX - group->devices;
	group->devices += devices;
	group->nodes++;
}

/* --- Offers --- */

static int take_offer(struct fleet *fleet, const struct node *node, struct str resource, struct error *err)
{
	struct fleet_group like = {.resource = resource};
	identify(&like, &node->labels);
	struct fleet_group *group = fleet_group(fleet, &like, err);
	if (!group || (str_eq(resource, GPU) && note_nvidia(fleet, group, node, err) < 0))
		return -1;
	note_size(group, &node->labels, amount(&node->capacity, resource));
	return 0;
}

/*
 * The resource of the whole device that slices and shares of NVIDIA's device plugin are parts of.
 */
static bool is_of_gpu(struct str name)
{
	return str_eq(name, GPU) || str_eq(name, STR("nvidia.com/gpu.shared")) || str_starts(name, MIG_PREFIX);
}

static int take_capacity(struct fleet *fleet, const struct node *node, struct error *err)
{
	bool has_gpu = false;
	for (uint32_t i = 0; i < node->capacity.count; i++) {
		struct str name = node->capacity.items[i].key;
		if (!fleet_names(name) || amount(&node->capacity, name) == 0)
			continue;
		enum known_kind kind = known_resource(name);
		int result = 0;
		if (is_of_gpu(name))
			has_gpu = true;
		else if (kind == KNOWN_DEVICE)
			result = take_offer(fleet, node, name, err);
		else if (known_is_accelerator(kind))
			result = fleet_add_name(fleet, fleet->named, &fleet->named_count, name, err);
		else if (kind == KNOWN_NOT)
			result = fleet_add_name(fleet, fleet->others, &fleet->other_count, name, err);
		if (result < 0)
			return -1;
	}
	return has_gpu ? take_offer(fleet, node, GPU, err) : 0;
}

/* Keeps the labels that ResourceSlices of the node need. */
static int keep_labels(struct fleet *fleet, const struct node *node, struct error *err)
{
	struct pair kept[FLEET_KEPT_MAX];
	uint32_t count = 0;
	for (uint32_t i = 0; i < node->labels.count && count < FLEET_KEPT_MAX; i++) {
		struct str key = node->labels.items[i].key;
		bool wanted = str_eq(key, REPLICAS_KEY);
		for (size_t m = 0; m < sizeof main_labels / sizeof main_labels[0]; m++)
			wanted |= str_eq(key, main_labels[m].key);
		if (wanted)
			kept[count++] = (struct pair){arena_str(&fleet->arena, key),
						      arena_str(&fleet->arena, node->labels.items[i].value)};
	}
	if (count == 0)
		return 0;
	struct fleet_node *copy = arena_zalloc(&fleet->arena, 1, sizeof *copy);
	struct pair *items = arena_zalloc(&fleet->arena, count + 1, sizeof *items);
	if (!copy || !items)
		return fleet_no_memory(err);
	memcpy(items, kept, count * sizeof *items);
	*copy = (struct fleet_node){.name = arena_str(&fleet->arena, node->name), .labels = {items, count, true}};
	if (fleet->arena.exhausted)
		return fleet_no_memory(err);
	hash_map_add(&fleet->node_map, &copy->link, str_hash(copy->name));
	return 0;
}

int nodes_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err)
{
	struct reader reader;
	struct node node = {0};
	reader_init(&reader, json.ptr, json.len, scratch);
	if (reader_object(&reader, &node_shape, &node) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	fleet->nodes++;
	if (!known_is_name(node.name)) {
		fleet->skipped++;
		return 0;
	}
	return take_capacity(fleet, &node, err) < 0 ? -1 : keep_labels(fleet, &node, err);
}

int nodes_offer(struct fleet *fleet, const struct pairs *labels, const struct nodes_offer *offer, struct error *err)
{
	struct fleet_group like = {.resource = offer->resource, .from_slices = true};
	struct pair items[FLEET_KEPT_MAX + 1];
	struct pairs all = {items, labels->count, true};
	if (labels->count)
		memcpy(items, labels->items, labels->count * sizeof *items);
	/* `serve` lets the node count as if it had the label, unless it has another value. */
	like.by_slices = offer->label.value.len && fleet_label(labels, offer->label.key).len == 0;
	if (like.by_slices)
		items[all.count++] = offer->label;
	identify(&like, &all);
	like.by_slices &= like.label_count && str_eq(like.labels[0].key, offer->label.key);
	if (!str_present(like.product))
		like.product = offer->product;
	struct fleet_group *group = fleet_group(fleet, &like, err);
	if (!group)
		return -1;
	if (offer->mib > group->mib)
		group->mib = offer->mib;
	if (group->from_slices) {
		group->nodes++;
		group->devices += offer->devices;
	}
	return 0;
}
