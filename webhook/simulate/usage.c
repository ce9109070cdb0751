#include "webhook/simulate/usage.h"

#include "webhook/object/claim.h"
#include "webhook/object/device_class.h"
#include "webhook/object/meta.h"
#include "webhook/object/review.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 20) /* For reading one object. */

static const struct {
	struct str kind;
	int (*take)(struct simulation *simulation, struct str name, const struct pairs *labels);
} labelled[] = {{{"Namespace", 9}, simulation_namespace}, {{"Node", 4}, simulation_node}};

static int no_memory(struct error *err)
{
	return error_set(err, "there is not enough memory for what the cluster has (byte 0)");
}

static int take_labels(struct simulation *simulation, size_t row, struct str json, struct arena *arena,
		       struct error *err)
{
	struct object_meta meta;
	if (object_meta_read(json, arena, &meta, err) < 0)
		return -1;
	if (meta.name.len == 0)
		return error_set(err, "metadata.name: expected a name, found nothing (byte 0)");
	meta.labels.present = true;
	return labelled[row].take(simulation, meta.name, &meta.labels) < 0 ? no_memory(err) : 1;
}

static int take_labelled(struct simulation *simulation, struct str kind, struct str json, struct arena *arena,
			 struct error *err)
{
	for (size_t i = 0; i < sizeof labelled / sizeof labelled[0]; i++)
		if (str_eq(kind, labelled[i].kind))
			return take_labels(simulation, i, json, arena, err);
	return 0;
}

/*
 * Returns "namespace/name", which is unique among the Pods that exist at the same time, and with
 * another slash among claims.
 */
static struct str name_as_uid(const struct pod *pod, struct arena *arena)
{
	size_t slashes = pod->as_claim ? 2 : 1, len = pod->namespace.len + slashes + pod->name.len;
	char *text = arena_alloc(arena, len);
	if (!text)
		return (struct str){NULL, 0};
	memcpy(text, pod->namespace.ptr, pod->namespace.len);
	memset(text + pod->namespace.len, '/', slashes);
	memcpy(text + pod->namespace.len + slashes, pod->name.ptr, pod->name.len);
	return (struct str){text, len};
}

static int take_pod(struct simulation *simulation, struct str json, struct replaced *replaced, struct arena *arena,
		    struct error *err)
{
	struct pod pod;
	if (review_read_pod(json.ptr, json.len, arena, &pod, err) < 0)
		return -1;
	if (pod.namespace.len == 0 || pod.name.len == 0)
		return error_set(err, "metadata: expected a name and a namespace: Pods that exist have both (byte 0)");
	if (pod.uid.len == 0)
		pod.uid = name_as_uid(&pod, arena);
	if (pod.uid.len && replaced && replaced_note(replaced, &pod) < 0)
		return no_memory(err);
	return pod.uid.len == 0 || simulation_pod(simulation, &pod) < 0 ? no_memory(err) : 1;
}

static bool is_claim(const struct manifest_object *object)
{
	static const struct str group = {"resource.k8s.io/", 16};
	return str_starts(object->api_version, group) && claim_is_claim(STR("resource.k8s.io"), object->kind);
}

static int take_claim(struct simulation *simulation, struct str json, struct arena *arena, struct error *err)
{
	struct pod claim;
	if (review_read_claim_as_pod(json.ptr, json.len, arena, &claim, err) < 0)
		return -1;
	if (claim.namespace.len == 0 || claim.name.len == 0)
		return error_set(err,
				 "metadata: expected a name and a namespace: claims that exist have both (byte 0)");
	if (claim.uid.len == 0)
		claim.uid = name_as_uid(&claim, arena);
	return claim.uid.len == 0 || simulation_pod(simulation, &claim) < 0 ? no_memory(err) : 1;
}

static int take_class(struct simulation *simulation, struct str json, struct arena *arena, struct error *err)
{
	struct device_class class;
	if (device_class_read(json, arena, &class, err) < 0)
		return -1;
	return simulation_class(simulation, &class) < 0 ? no_memory(err) : 1;
}

static int take_slice(struct simulation *simulation, struct str json, struct arena *arena, struct error *err)
{
	struct resource_slice slice;
	if (resource_slice_read(json, arena, &slice, err) < 0)
		return -1;
	return simulation_slice(simulation, &slice) < 0 ? no_memory(err) : 1;
}

/* What dynamic resource allocation has beside claims. */
static const struct {
	struct str kind;
	int (*take)(struct simulation *simulation, struct str json, struct arena *arena, struct error *err);
} device_kinds[] = {{STR_INIT("DeviceClass"), take_class}, {STR_INIT("ResourceSlice"), take_slice}};
#define DEVICE_KINDS (sizeof device_kinds / sizeof device_kinds[0])

/* Returns its row; DEVICE_KINDS: it has none. */
static size_t device_kind(struct str kind)
{
	size_t row = 0;
	while (row < DEVICE_KINDS && !str_eq(device_kinds[row].kind, kind))
		row++;
	return row;
}

static bool is_of_devices(const struct manifest_object *object)
{
	return str_starts(object->api_version, STR("resource.k8s.io/")) && device_kind(object->kind) < DEVICE_KINDS;
}

int simulation_take(struct simulation *simulation, struct str kind, struct str json, struct replaced *replaced,
		    struct arena *arena, struct error *err)
{
	if (str_eq(kind, STR("ResourceClaim")))
		return take_claim(simulation, json, arena, err);
	if (device_kind(kind) < DEVICE_KINDS)
		return device_kinds[device_kind(kind)].take(simulation, json, arena, err);
	return str_eq(kind, STR("Pod")) ? take_pod(simulation, json, replaced, arena, err)
					: take_labelled(simulation, kind, json, arena, err);
}

/* --- Files --- */

/* Whether it is a PodGroup, of whatever scheduler. */
static bool is_pod_group(const struct manifest_object *object)
{
	return str_eq(object->kind, STR("PodGroup")) && str_starts(object->api_version, STR("scheduling."));
}

static int take_pod_group(struct simulation *simulation, const struct manifest_object *object, struct error *err)
{
	const struct group_object group = {.namespace = object->namespace,
					   .api_group = workload_group(object->api_version),
					   .kind = object->kind,
					   .name = object->name,
					   .json = object->json};
	return group_objects_add(simulation_groups(simulation), &group) < 0 ? no_memory(err) : 1;
}

int simulation_labels(struct simulation *simulation, const struct manifest *manifest,
		      const struct manifest_object *object, struct error *err)
{
	struct arena arena;
	size_t row = is_of_devices(object) ? device_kind(object->kind) : DEVICE_KINDS;
	if (is_pod_group(object))
		return take_pod_group(simulation, object, err);
	if (!str_eq(object->api_version, STR("v1")) && row == DEVICE_KINDS)
		return 0;
	arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
	int result = row < DEVICE_KINDS ? device_kinds[row].take(simulation, object->json, &arena, err)
					: take_labelled(simulation, object->kind, object->json, &arena, err);
	arena_release(&arena);
	return result < 0 ? manifest_explain(manifest, object, err) : result;
}

int simulation_usage(struct simulation *simulation, const struct manifest *manifest, struct replaced *replaced,
		     struct error *err)
{
	struct arena arena;
	int result = 0;
	arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
	for (uint32_t i = 0; i < manifest->count && result >= 0; i++) {
		const struct manifest_object *object = &manifest->objects[i];
		if (is_pod_group(object)) {
			result = take_pod_group(simulation, object, err);
			continue;
		}
		if (!str_eq(object->api_version, STR("v1")) && !is_claim(object) && !is_of_devices(object))
			continue;
		arena_reset(&arena);
		result = simulation_take(simulation, object->kind, object->json, replaced, &arena, err);
		if (result < 0)
			manifest_explain(manifest, object, err);
	}
	arena_release(&arena);
	if (result >= 0 && simulation_renew(simulation) < 0)
		result = error_set(err, "there is not enough memory for what the cluster has");
	return result < 0 ? -1 : 0;
}
