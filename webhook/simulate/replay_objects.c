#include "webhook/simulate/replay_objects.h"

#include "gpugate/vec.h"
#include "webhook/json/copy.h"
#include "webhook/object/review.h"
#include "webhook/object/workload.h"
#include "webhook/simulate/replay_reviews.h"
#include "webhook/simulate/replay_workload.h"
#include "webhook/simulate/usage.h"

#define POD_BYTES_MAX ((size_t)16 << 20)

static bool is_pod(const struct manifest_object *object)
{
	return str_eq(object->kind, STR("Pod")) && str_eq(object->api_version, STR("v1"));
}

/* --- Pods that exist --- */

static const struct field metadata_fields[] = {
    {FIELD_KEY("name"), .read = copy_value},
    {FIELD_KEY("generateName"), .read = copy_value},
    {FIELD_KEY("namespace"), .read = copy_value},
    {FIELD_KEY("uid"), .read = copy_value},
    {FIELD_KEY("labels"), .read = copy_value},
    {FIELD_KEY("annotations"), .read = copy_value},
    {FIELD_KEY("ownerReferences"), .read = copy_value},
    {FIELD_KEY("deletionTimestamp"), .read = copy_value},
    {FIELD_KEY("deletionGracePeriodSeconds"), .read = copy_value},
};
static const struct shape metadata_shape = SHAPE(metadata_fields, 0);

static const struct field status_fields[] = {{FIELD_KEY("phase"), .read = copy_value}};
static const struct shape status_shape = SHAPE(status_fields, 0);

/* What a decision can depend on. A Pod of an API server is several times as long. */
static const struct field pod_fields[] = {
    {FIELD_KEY("metadata"), .read = copy_object, .shape = &metadata_shape},
    {FIELD_KEY("spec"), .read = copy_value},
    {FIELD_KEY("status"), .read = copy_object, .shape = &status_shape},
};
static const struct shape pod_shape = SHAPE(pod_fields, 0);

struct existing {
	struct str uid, created;
};

static const struct field existing_fields[] = {
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct existing, uid)},
    {FIELD_KEY("creationTimestamp"), .read = field_string, .offset = offsetof(struct existing, created)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape existing_shape = SHAPE(existing_fields, 0);
static const struct field head_fields[] = {{FIELD_KEY("metadata"), .read = field_object, .shape = &existing_shape}};
static const struct shape head_shape = SHAPE(head_fields, 0);

static int read_existing(struct str json, struct arena *arena, struct existing *existing, struct error *err)
{
	struct reader reader;
	*existing = (struct existing){{NULL, 0}, {NULL, 0}};
	reader_init(&reader, json.ptr, json.len, arena);
	return reader_object(&reader, &head_shape, existing) < 0 ? reader_error(&reader, err) : 0;
}

static size_t bytes_of(struct str created, struct str json)
{
	return sizeof(struct replay_pod) + created.len + json.len + REVIEW_PADDING;
}

static struct replay_pod *pod_create(struct str created, struct str json)
{
	struct replay_pod *pod = malloc(bytes_of(created, json));
	if (!pod)
		return NULL;
	*pod = (struct replay_pod){.order = 0};
	if (created.len)
		memcpy(pod->content, created.ptr, created.len);
	memcpy(pod->content + created.len, json.ptr, json.len);
	memset(pod->content + created.len + json.len, 0, REVIEW_PADDING);
	pod->created = (struct str){pod->content, created.len};
	pod->json = (struct str){pod->content + created.len, json.len};
	return pod;
}

static int add_pod(struct replay *replay, struct str created, struct str json, const char *file, uint32_t line,
		   struct error *err)
{
	struct replay_pod **pods =
	    vec_room(replay->pods, replay->pod_count, &replay->pod_size, 1024, sizeof *replay->pods);
	if (!pods)
		return replay_no_memory(err);
	replay->pods = pods;
	replay->pod_bytes += bytes_of(created, json) + sizeof *pods;
	if (replay->pod_bytes > replay->pod_bytes_max)
		return error_set(err, "the Pods that exist are larger than %zu MiB; list those of fewer namespaces",
				 replay->pod_bytes_max >> 20);
	struct replay_pod *pod = pod_create(created, json);
	if (!pod)
		return replay_no_memory(err);
	pod->file = file;
	pod->line = line;
	pod->order = replay->pod_count;
	replay->pods[replay->pod_count++] = pod;
	return 0;
}

static int keep_pod(struct replay *replay, const struct manifest_object *object, struct str created, const char *file,
		    struct error *err)
{
	struct reader reader;
	struct buf text;
	struct json_copy copy = {&text, NULL};
	buf_init(&text, POD_BYTES_MAX);
	reader_init(&reader, object->json.ptr, object->json.len, &replay->arena);
	buf_char(&text, '{');
	int result = reader_object(&reader, &pod_shape, &copy) < 0 ? reader_error(&reader, err) : 0;
	buf_char(&text, '}');
	if (result == 0)
		result = text.failed ? replay_no_memory(err)
				     : add_pod(replay, created, buf_view(&text), file, object->line, err);
	buf_release(&text);
	return result;
}

static int compare_age(const void *left, const void *right)
{
	const struct replay_pod *a = *(struct replay_pod *const *)left, *b = *(struct replay_pod *const *)right;
	int order = str_cmp(a->created, b->created);
	return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* Who creates the Pods of such an owner. */
static struct str creator_of(const struct pod *pod)
{
	static const char *const versions[] = {"apps/v1", "batch/v1", "v1"};
	struct str known = pod->owner.api_version;
	for (size_t i = 0; pod->owner.kind.len && i < sizeof versions / sizeof versions[0]; i++) {
		const struct workload_kind *kind =
		    workload_find(known.len ? known : str_of(versions[i]), pod->owner.kind);
		if (kind && kind->controller)
			return str_of(kind->controller);
	}
	return (struct str){NULL, 0};
}

/* The kubelet of its node creates the mirror Pod of a static Pod, which is never refused. */
static struct str kubelet_of(const struct pod *pod, struct arena *arena)
{
	static const struct str prefix = {"system:node:", 12};
	char *text = arena_alloc(arena, prefix.len + pod->node_name.len);
	if (!text)
		return (struct str){NULL, 0};
	memcpy(text, prefix.ptr, prefix.len);
	if (pod->node_name.len)
		memcpy(text + prefix.len, pod->node_name.ptr, pod->node_name.len);
	return (struct str){text, prefix.len + pod->node_name.len};
}

/*
 * The review of its creation, before a scheduler has bound it to a node. Returns 0, or -1 without
 * memory.
 */
static int review_of(const struct pod *pod, struct arena *arena, struct review *review)
{
	static const struct str authenticated[] = {{"system:authenticated", 20}};
	static const struct str controllers[] = {
	    {"system:serviceaccounts", 22}, {"system:serviceaccounts:kube-system", 34}, {"system:authenticated", 20}};
	static const struct str nodes[] = {{"system:nodes", 12}, {"system:authenticated", 20}};
	bool mirror = str_eq(pod->owner.kind, STR("Node"));
	struct str user = mirror ? kubelet_of(pod, arena) : creator_of(pod);
	*review = (struct review){.uid = STR("replay"),
				  .version = STR("v1"),
				  .kind = STR("Pod"),
				  .resource = STR("pods"),
				  .name = pod->name,
				  .namespace = pod->namespace,
				  .operation = OPERATION_CREATE,
				  .user = user,
				  .groups = {authenticated, 1},
				  .object = *pod};
	if (mirror) {
		review->groups = (struct strs){nodes, 2};
		return str_present(user) ? 0 : -1;
	}
	if (str_present(user))
		review->groups = (struct strs){controllers, 3};
	review->object.node_name = (struct str){NULL, 0};
	return 0;
}

/* It holds what it holds in the cluster: on its node, and whether or not it is admitted. */
static int hold_existing(struct replay_side *side, const struct pod *pod, bool admitted)
{
	if (admitted && simulation_pod(side->simulation, pod) < 0)
		return -1;
	return side->existing ? simulation_pod(side->existing, pod) : 0;
}

static int replay_existing(struct replay *replay, const struct replay_pod *kept, struct error *err)
{
	struct pod pod;
	struct replay_outcome outcomes[REPLAY_SIDES] = {{.admitted = true}};
	if (review_read_pod(kept->json.ptr, kept->json.len, &replay->arena, &pod, err) < 0)
		return -1;
	if (str_eq(pod.phase, STR("Succeeded")) || str_eq(pod.phase, STR("Failed"))) {
		replay->skipped++;
		return 0;
	}
	struct review review;
	if (review_of(&pod, &replay->arena, &review) < 0)
		return replay_no_memory(err);
	const struct replay_subject subject = {.file = kept->file,
					       .line = kept->line,
					       .time = kept->created,
					       .kind = STR("Pod"),
					       .namespace = pod.namespace,
					       .name = pod.name,
					       .user = review.user,
					       .pod = &review.object};
	replay->reviews++;
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (replay_has(replay, side) &&
		    (replay_side_decide(&replay->sides[side], REPLAY_WHOLE, &review, &replay->arena, &outcomes[side]) <
			 0 ||
		     hold_existing(&replay->sides[side], &pod, outcomes[side].admitted) < 0))
			return replay_no_memory(err);
	return replay_compare(replay, &subject, outcomes, err);
}

void replay_objects_forget(struct replay *replay)
{
	for (size_t i = 0; i < replay->pod_count; i++)
		free(replay->pods[i]);
	free(replay->pods);
	replay->pods = NULL;
	replay->pod_count = replay->pod_size = replay->pod_bytes = 0;
}

int replay_objects_finish(struct replay *replay, struct error *err)
{
	int result = 0;
	if (replay->pod_count > 1)
		qsort(replay->pods, replay->pod_count, sizeof *replay->pods, compare_age);
	for (size_t i = 0; i < replay->pod_count && result == 0; i++) {
		const struct replay_pod *pod = replay->pods[i];
		arena_reset(&replay->arena);
		result = replay_existing(replay, pod, err);
		if (result < 0)
			error_wrap(err, "%.300s:%u: Pod", pod->file, pod->line);
	}
	replay_objects_forget(replay);
	return result;
}

/* --- All objects --- */

static int take_labels(struct replay *replay, const struct manifest *manifest, const struct manifest_object *object,
		       struct error *err)
{
	int found = 0;
	for (int side = 0; side < REPLAY_SIDES && found >= 0; side++) {
		if (!replay_has(replay, side))
			continue;
		found = simulation_labels(replay->sides[side].simulation, manifest, object, err);
		if (found > 0 && replay->sides[side].existing)
			found = simulation_labels(replay->sides[side].existing, manifest, object, err);
	}
	return found;
}

static int take_review(struct replay *replay, const struct manifest *manifest, const struct manifest_object *object,
		       const char *file, struct error *err)
{
	struct recorded recorded;
	int read = review_read_recorded(object->json.ptr, object->json.len, &replay->arena, &recorded, err);
	if (read < 0)
		return manifest_explain(manifest, object, err);
	/* A review may have no request. */
	if (read == 0 || !review_has_subject(&recorded.review)) {
		replay->skipped++;
		return 0;
	}
	return replay_review(replay, &recorded, object->json, file, object->line, err);
}

static int take_object(struct replay *replay, const struct manifest *manifest, const struct manifest_object *object,
		       const char *file, struct error *err)
{
	struct existing existing = {{NULL, 0}, {NULL, 0}};
	if (subject_is_review(object))
		return take_review(replay, manifest, object, file, err);
	if (!is_pod(object))
		return replay_workload(replay, manifest, object, file, err);
	if (read_existing(object->json, &replay->arena, &existing, err) < 0)
		return manifest_explain(manifest, object, err);
	if (!existing.uid.len)
		return replay_workload(replay, manifest, object, file, err);
	return keep_pod(replay, object, existing.created, file, err) < 0 ? manifest_explain(manifest, object, err) : 0;
}

int replay_objects_labels(struct replay *replay, const struct manifest *manifest, struct error *err)
{
	for (uint32_t i = 0; i < manifest->count; i++)
		if (take_labels(replay, manifest, &manifest->objects[i], err) < 0)
			return -1;
	return 0;
}

int replay_objects(struct replay *replay, const struct manifest *manifest, const char *file, struct error *err)
{
	/* What the namespaces and nodes of a file are does not depend on the order in the file. */
	if (replay_objects_labels(replay, manifest, err) < 0)
		return -1;
	for (uint32_t i = 0; i < manifest->count; i++) {
		const struct manifest_object *object = &manifest->objects[i];
		bool labelled = str_eq(object->kind, STR("Namespace")) || str_eq(object->kind, STR("Node"));
		arena_reset(&replay->arena);
		if (!labelled && take_object(replay, manifest, object, file, err) < 0)
			return -1;
	}
	return 0;
}
