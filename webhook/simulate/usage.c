#include "webhook/simulate/usage.h"

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

int simulation_labels(struct simulation *simulation, const struct manifest *manifest,
		      const struct manifest_object *object, struct error *err)
{
	struct arena arena;
	int result = 0;
	if (!str_eq(object->api_version, STR("v1")))
		return 0;
	arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
	for (size_t i = 0; i < sizeof labelled / sizeof labelled[0]; i++)
		if (str_eq(object->kind, labelled[i].kind))
			result = take_labels(simulation, i, object->json, &arena, err);
	arena_release(&arena);
	return result < 0 ? manifest_explain(manifest, object, err) : result;
}

/* Returns "namespace/name", which is unique among the Pods that exist at the same time. */
static struct str name_as_uid(const struct pod *pod, struct arena *arena)
{
	size_t len = pod->namespace.len + 1 + pod->name.len;
	char *text = arena_alloc(arena, len);
	if (!text)
		return (struct str){NULL, 0};
	memcpy(text, pod->namespace.ptr, pod->namespace.len);
	text[pod->namespace.len] = '/';
	memcpy(text + pod->namespace.len + 1, pod->name.ptr, pod->name.len);
	return (struct str){text, len};
}

static int take_pod(struct simulation *simulation, struct str json, struct arena *arena, struct error *err)
{
	struct pod pod;
	if (review_read_pod(json.ptr, json.len, arena, &pod, err) < 0)
		return -1;
	if (pod.namespace.len == 0 || pod.name.len == 0)
		return error_set(err, "metadata: expected a name and a namespace: Pods that exist have both (byte 0)");
	if (pod.uid.len == 0)
		pod.uid = name_as_uid(&pod, arena);
	return pod.uid.len == 0 || simulation_pod(simulation, &pod) < 0 ? no_memory(err) : 0;
}

int simulation_usage(struct simulation *simulation, const struct manifest *manifest, struct error *err)
{
	struct arena arena;
	int result = 0;
	arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
	for (uint32_t i = 0; i < manifest->count && result >= 0; i++) {
		const struct manifest_object *object = &manifest->objects[i];
		bool is_pod = str_eq(object->kind, STR("Pod")) && str_eq(object->api_version, STR("v1"));
		arena_reset(&arena);
		result = is_pod ? take_pod(simulation, object->json, &arena, err)
				: simulation_labels(simulation, manifest, object, err);
		if (is_pod && result < 0)
			manifest_explain(manifest, object, err);
	}
	arena_release(&arena);
	return result < 0 ? -1 : 0;
}
