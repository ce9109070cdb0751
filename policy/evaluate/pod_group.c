#include "gpugate/pod_group.h"

#include <stdio.h>

#include "gpugate/arena.h"
#include "gpugate/pod.h"

#define PODS_MAX INT32_MAX /* As Kubernetes has it. */

/* A label or an annotation that says to which group a Pod belongs. */
static const struct mark {
	const char *label, *annotation; /* One of them has the name of the object. */
	const char *index;              /* The label of a part of it; NULL: it is one group. */
	const char *size;               /* The annotation of the number of its Pods; NULL: none. */
	const char *never;              /* How a name begins that is no group; NULL: all are. */
	const char *api_group, *kind;
	const char *version, *resource; /* NULL: it is not read, or the policy says it. */
	const char *size_path, *groups_path;
	bool always; /* The controller of the object puts the labels on each of its Pods. */
} marks[] = {
    /* scheduler-plugins */
    {.label = "scheduling.x-k8s.io/pod-group",
     .api_group = "scheduling.x-k8s.io",
     .kind = "PodGroup",
     .version = "v1alpha1",
     .resource = "podgroups",
     .size_path = "spec.minMember"},
    /* Koordinator, and scheduler-plugins before 0.24 */
    {.label = "pod-group.scheduling.sigs.k8s.io",
     .api_group = "scheduling.sigs.k8s.io",
     .kind = "PodGroup",
     .version = "v1alpha1",
     .resource = "podgroups",
     .size_path = "spec.minMember"},
    /* Volcano adds the names that it makes itself only to Pods that exist. */
    {.annotation = "scheduling.k8s.io/group-name",
     .never = "podgroup-",
     .api_group = "scheduling.volcano.sh",
     .kind = "PodGroup",
     .version = "v1beta1",
     .resource = "podgroups",
     .size_path = "spec.minMember"},
    /* Each replica of a LeaderWorkerSet is a group. */
    {.label = "leaderworkerset.sigs.k8s.io/name",
     .index = "leaderworkerset.sigs.k8s.io/group-index",
     .size = "leaderworkerset.sigs.k8s.io/size",
     .api_group = "leaderworkerset.x-k8s.io",
     .kind = "LeaderWorkerSet",
     .version = "v1",
     .groups_path = "spec.replicas",
     .always = true},
    {.label = "kueue.x-k8s.io/pod-group-name",
     .size = "kueue.x-k8s.io/pod-group-total-count",
     .api_group = "kueue.x-k8s.io",
     .kind = "Workload"},
    {.label = "jobset.sigs.k8s.io/jobset-name",
     .api_group = "jobset.x-k8s.io",
     .kind = "JobSet",
     .version = "v1alpha2",
     .always = true},
};

/* The kinds of Kubernetes that own Pods, and kinds whose Pods have different owners. */
static const struct owner_kind {
	const char *api_group, *kind;
	const char *resource; /* NULL: its Pods are no group. */
} owner_kinds[] = {
    {"apps", "ReplicaSet", "replicasets"},
    {"apps", "StatefulSet", "statefulsets"},
    {"", "ReplicationController", "replicationcontrollers"},
    {"batch", "Job", "jobs"},
    {"apps", "DaemonSet", NULL},
    {"", "Node", NULL},                                 /* Of a mirror Pod. */
    {"sparkoperator.k8s.io", "SparkApplication", NULL}, /* It does not own the executors. */
};

static struct str value_of(const struct pairs *pairs, const char *key)
{
	const struct str *value = key ? pairs_value(pairs, str_of(key)) : NULL;
	return value ? *value : (struct str){NULL, 0};
}

/* Returns a number of Pods from 1 on; 0: the text is none. */
static int64_t read_size(struct str text)
{
	int64_t size = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return 0;
		size = size * 10 + (text.ptr[i] - '0');
		if (size > PODS_MAX)
			return 0;
	}
	return size;
}

/* --- The key --- */

/*
 * Whether a text can be a part of a key. A kind never has a period, and no part has a slash, so
 * that different groups have different keys.
 */
static bool is_part(struct str text, const char *separators)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c <= ' ' || c >= 0x7f || strchr("/;\"'\\", c) || strchr(separators, c))
			return false;
	}
	return text.len > 0;
}

static char *append(char *at, const char *separator, struct str text)
{
	if (text.len == 0)
		return at;
	at = stpcpy(at, separator);
	memcpy(at, text.ptr, text.len);
	return at + text.len;
}

/* Sets the key. A group that cannot have one is none. `index` is absent if it has no parts. */
static int set_key(struct pod_group *group, struct str index, struct arena *arena)
{
	size_t separators = 1 + (group->api_group.len > 0) + (index.len > 0);
	size_t len = group->kind.len + group->api_group.len + group->name.len + index.len + separators;
	if (!is_part(group->kind, ".") || !is_part(group->name, "") || len > POD_GROUP_KEY_MAX ||
	    (group->api_group.len && !is_part(group->api_group, "")) || (str_present(index) && !is_part(index, ""))) {
		*group = (struct pod_group){.size = 0};
		return 0;
	}
	/* A NUL follows each separator. */
	char *key = arena_alloc(arena, len + 1), *at = key;
	if (!key)
		return -1;
	at = append(at, "", group->kind);
	at = append(at, ".", group->api_group);
	at = append(at, "/", group->name);
	append(at, "/", index);
	group->key = (struct str){key, len};
	return 0;
}

/* --- The groups that a Pod can be in --- */

/* A PodGroup of Kubernetes. With another policy than `gang`, it has no such number. */
static int by_field(const struct pod *pod, struct arena *arena, struct pod_group *group)
{
	*group = (struct pod_group){.api_group = STR("scheduling.k8s.io"),
				    .version = STR("v1beta1"),
				    .kind = STR("PodGroup"),
				    .name = pod->pod_group,
				    .resource = STR("podgroups"),
				    .size_path = "spec.schedulingPolicy.gang.minCount"};
	return set_key(group, (struct str){NULL, 0}, arena);
}

/* Returns the name of the group that the mark says, or an absent string. */
static struct str name_by(const struct mark *mark, const struct pod *pod)
{
	struct str name =
	    mark->label ? value_of(&pod->labels, mark->label) : value_of(&pod->annotations, mark->annotation);
	bool none = name.len == 0 || (mark->never && str_starts(name, str_of(mark->never))) ||
		    (mark->index && value_of(&pod->labels, mark->index).len == 0);
	return none ? (struct str){NULL, 0} : name;
}

static int by_mark(const struct mark *mark, const struct pod *pod, struct arena *arena, struct pod_group *group)
{
	*group = (struct pod_group){.size = read_size(value_of(&pod->annotations, mark->size)),
				    .api_group = str_of(mark->api_group),
				    .version = str_of(mark->version),
				    .kind = str_of(mark->kind),
				    .name = name_by(mark, pod),
				    .resource = str_of(mark->resource),
				    .size_path = mark->size_path,
				    .groups_path = mark->groups_path};
	return set_key(group, value_of(&pod->labels, mark->index), arena);
}

/* Kinds of Kubernetes are read in the version that is known here, whatever the Pod says. */
static int by_owner(const struct pod *pod, struct arena *arena, struct pod_group *group)
{
	struct str api_version = pod->owner.api_version;
	const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
	size_t len = slash ? (size_t)(slash - api_version.ptr) : 0;
	*group = (struct pod_group){.api_group = {api_version.ptr, len},
				    .version = str_tail(api_version, slash ? len + 1 : 0),
				    .kind = pod->owner.kind,
				    .name = pod->owner.name};
	for (size_t i = 0; i < sizeof owner_kinds / sizeof owner_kinds[0]; i++) {
		const struct owner_kind *kind = &owner_kinds[i];
		if (!str_eq(group->kind, str_of(kind->kind)) || !str_eq(group->api_group, str_of(kind->api_group)))
			continue;
		if (!kind->resource)
			group->name = (struct str){NULL, 0};
		group->version = STR("v1");
		group->resource = str_of(kind->resource);
	}
	return set_key(group, (struct str){NULL, 0}, arena);
}

int pod_group_find(const struct pod *pod, struct arena *arena, struct pod_group *group)
{
	*group = (struct pod_group){.size = 0};
	if (pod->as_claim)
		return 0;
	if (pod->pod_group.len)
		return by_field(pod, arena, group);
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (str_present(name_by(&marks[i], pod)))
			return by_mark(&marks[i], pod, arena, group);
	return by_owner(pod, arena, group);
}

/* --- Labels of a Pod that does not exist yet --- */

static const struct mark *find_always(const struct pod_group *object)
{
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (marks[i].always && str_eq(object->kind, str_of(marks[i].kind)) &&
		    str_eq(object->api_group, str_of(marks[i].api_group)))
			return &marks[i];
	return NULL;
}

/* A name that no group has. */
#define UNKNOWN STR("?")

static struct str index_text(int64_t index, struct arena *arena)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)index);
	return index < 0 ? UNKNOWN : arena_str(arena, str_of(text));
}

int pod_group_label(struct pod *pod, const struct pod_group *object, int64_t index, struct arena *arena)
{
	const struct mark *mark = find_always(object);
	if (!mark)
		return 0;
	const struct pair added[] = {
	    {str_of(mark->label), object->name.len ? object->name : UNKNOWN},
	    {str_of(mark->index), mark->index ? index_text(index, arena) : UNKNOWN},
	};
	uint32_t more = mark->index ? 2 : 1, count = 0;
	struct pair *items = arena_alloc(arena, ((size_t)pod->labels.count + more) * sizeof *items);
	if (!items || !str_present(added[1].value))
		return -1;
	for (uint32_t i = 0; i < more; i++)
		items[count++] = added[i];
	/* The controller's labels replace those of the template. */
	for (uint32_t i = 0; i < pod->labels.count; i++)
		if (!str_eq(pod->labels.items[i].key, added[0].key) && !str_eq(pod->labels.items[i].key, added[1].key))
			items[count++] = pod->labels.items[i];
	pod->labels = (struct pairs){.items = items, .count = count, .present = true};
	return 1;
}

bool pod_group_reads_annotation(struct str key)
{
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (key.len && (str_eq(key, str_of(marks[i].annotation)) || str_eq(key, str_of(marks[i].size))))
			return true;
	return false;
}
