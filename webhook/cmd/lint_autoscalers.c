#include "webhook/cmd/lint_autoscalers.h"

#include "gpugate/autoscaler.h"
#include "gpugate/quantity.h"
#include "gpugate/vec.h"
#include "webhook/cmd/input_file.h"
#include "webhook/cmd/lint_place.h"
#include "webhook/json/path.h"

#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)64 << 20)
#define PATH_BYTES 64
#define TEXT_BYTES 1024
#define NAME_SHOWN 100

/* Kinds that scale; `fallback` is the kind of a target that names none. */
static const struct scaler_kind {
	const char *group, *kind;
	const char *key, *least_key; /* In spec. */
	int64_t most, least;         /* If the object does not say them; 0: it must say the most. */
	struct str fallback;
} kinds[] = {
    {"autoscaling", "HorizontalPodAutoscaler", "maxReplicas", "minReplicas", 0, 1, {"", 0}},
    {"keda.sh", "ScaledObject", "maxReplicaCount", "minReplicaCount", 100, 0, {"Deployment", 10}},
};

void lint_autoscalers_init(struct autoscalers *autoscalers)
{
	*autoscalers = (struct autoscalers){.items = NULL};
	arena_init(&autoscalers->arena, ARENA_CHUNK, ARENA_MAX);
}

void lint_autoscalers_release(struct autoscalers *autoscalers)
{
	arena_release(&autoscalers->arena);
}

struct str lint_autoscalers_group(struct str api_version)
{
	const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
	return (struct str){slash ? api_version.ptr : "", slash ? (size_t)(slash - api_version.ptr) : 0};
}

static const struct scaler_kind *find_kind(const struct manifest_object *object)
{
	struct str group = lint_autoscalers_group(object->api_version);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (str_eq(object->kind, str_of(kinds[i].kind)) && str_eq(group, str_of(kinds[i].group)))
			return &kinds[i];
	return NULL;
}

static struct str text_at(const struct manifest_object *object, const char *path)
{
	return json_plain_text(lint_place_value(object, path));
}

/* Copies what outlives the manifest. Returns false without memory. */
static bool keep(struct arena *arena, struct str *text)
{
	if (str_present(*text))
		*text = arena_str(arena, *text);
	return str_present(*text);
}

static void add(struct autoscalers *autoscalers, struct autoscaler *found)
{
	struct arena *arena = &autoscalers->arena;
	struct autoscaler *items = vec_room_in(arena, autoscalers->items, autoscalers->count, &autoscalers->size, 16,
					       sizeof *autoscalers->items);
	if (!items)
		return;
	autoscalers->items = items;
	bool grouped = str_present(found->target.group);
	if (keep(arena, &found->kind) && keep(arena, &found->name) && keep(arena, &found->target.namespace) &&
	    (!grouped || keep(arena, &found->target.group)) && keep(arena, &found->target.kind) &&
	    keep(arena, &found->target.name) && keep(arena, &found->at.text))
		items[autoscalers->count++] = *found;
}

static struct str value_in_spec(const struct manifest_object *object, const char *key)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof path, "spec.%s", key);
	return lint_place_value(object, path);
}

static bool read_number(struct str value, int64_t *number)
{
	return str_present(value) && value.ptr[0] != '"' && quantity_count(value, number) == QUANTITY_OK;
}

static void take(struct autoscalers *autoscalers, struct str path, struct str namespace,
		 const struct manifest *manifest, const struct manifest_object *object)
{
	const struct scaler_kind *kind = find_kind(object);
	if (!kind)
		return;
	struct str most = value_in_spec(object, kind->key), target = lint_place_value(object, "spec.scaleTargetRef"),
		   target_kind = text_at(object, "spec.scaleTargetRef.kind"),
		   version = text_at(object, "spec.scaleTargetRef.apiVersion");
	struct autoscaler found = {.path = path,
				   .kind = object->kind,
				   .name = object->name,
				   .target = {.namespace = object->namespace.len ? object->namespace : namespace,
					      .group = str_present(version) ? lint_autoscalers_group(version) : version,
					      .kind = str_present(target_kind) ? target_kind : kind->fallback,
					      .name = text_at(object, "spec.scaleTargetRef.name")},
				   .key = kind->key,
				   .most = kind->most,
				   .fallback = !str_present(most) && kind->most > 0,
				   .least_key = kind->least_key,
				   .least = kind->least,
				   .at = lint_place_of(manifest, object, str_present(most) ? most : target)};
	if (!read_number(value_in_spec(object, kind->least_key), &found.least))
		found.least = kind->least;
	bool known = read_number(most, &found.most) || found.fallback;
	if (known && found.target.kind.len > 0)
		add(autoscalers, &found);
}

void lint_autoscalers_read(struct autoscalers *autoscalers, struct str path, struct str namespace)
{
	struct manifest manifest;
	struct error unread = {0};
	if (input_file_manifest_exact(path.ptr, &manifest, &unread) < 0)
		return;
	for (uint32_t i = 0; i < manifest.count; i++)
		take(autoscalers, path, namespace, &manifest, &manifest.objects[i]);
	manifest_release(&manifest);
}

static int by_name(const struct scaled *left, const struct scaled *right)
{
	int by = str_cmp(left->namespace, right->namespace);
	if (by == 0)
		by = str_cmp(left->name, right->name);
	return by ? by : str_cmp(left->kind, right->kind);
}

static int by_target(const void *a, const void *b)
{
	const struct autoscaler *left = a, *right = b;
	return by_name(&left->target, &right->target);
}

void lint_autoscalers_sort(struct autoscalers *autoscalers)
{
	if (autoscalers->count > 1)
		qsort(autoscalers->items, autoscalers->count, sizeof *autoscalers->items, by_target);
}

const struct autoscaler *lint_autoscalers_of(const struct autoscalers *autoscalers, const struct scaled *target,
					     uint32_t *count)
{
	uint32_t low = 0, high = autoscalers->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (by_name(&autoscalers->items[middle].target, target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < autoscalers->count && by_name(&autoscalers->items[high].target, target) == 0;)
		high++;
	*count = high - low;
	return *count ? &autoscalers->items[low] : NULL;
}

static int shown(struct str name)
{
	return name.len < NAME_SHOWN ? (int)name.len : NAME_SHOWN;
}

void lint_autoscalers_report(const struct autoscaler *autoscaler, const struct scaled_attempt *attempt,
			     struct report *report)
{
	char text[TEXT_BYTES], remedy[AUTOSCALER_TEXT_BYTES];
	const struct autoscaler_keys keys = {autoscaler->key, autoscaler->least_key, autoscaler->least};
	const struct manifest_object *object = attempt->object;
	struct manifests_file *file = manifests_file_create(autoscaler->path);
	long long fits = (long long)attempt->fits;
	snprintf(text, sizeof text,
		 "%.*s \"%.*s\": %s is %lld%s, and only %lld Pod%s of %.*s \"%.*s\" fit%s, each charged %s; %s: %s",
		 shown(autoscaler->kind), autoscaler->kind.ptr, shown(autoscaler->name), autoscaler->name.ptr,
		 autoscaler->key, (long long)autoscaler->most, autoscaler->fallback ? " by default" : "", fits,
		 fits == 1 ? "" : "s", shown(object->kind), object->kind.ptr, shown(object->name), object->name.ptr,
		 fits == 1 ? "s" : "", attempt->charges, autoscaler_remedy_text(&keys, fits, remedy), attempt->message);
	if (file)
		manifests_report(report, file, &autoscaler->at, autoscaler->name, LINT_AUTOSCALER_ABOVE_QUOTA,
				 str_of(text));
	manifests_file_destroy(file);
}
