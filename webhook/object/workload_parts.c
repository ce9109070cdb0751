#include "webhook/object/workload_parts.h"

#include "gpugate/plain.h"
#include "webhook/json/count.h"
#include "webhook/json/path.h"
#include "webhook/object/pod_text.h"

#define WHERE_MAX 512 /* Bytes of a path in an object. */
#define KEY_SHOWN 63  /* Bytes of a key that is shown in it. */
/* Bytes that may be searched and copied for an object: so much, and so often its own length. */
#define WORK_BYTES ((size_t)4 << 20)
#define WORK_TIMES 8

/* The way along one path, step by step. */
struct walk {
	struct str json;
	struct arena *arena;
	const struct pod_paths *pods;
	struct workload_parts *parts;
	struct error *err;
	struct str chain[FIELD_PATH_STEPS_MAX + 1]; /* The value after so many steps. */
	char where[WHERE_MAX];
	size_t where_len;
	size_t work; /* Bytes that may still be searched or copied. */
};

static int fail(const struct walk *walk, const char *at, const char *what)
{
	return error_set(walk->err, "%.*s: %s (byte %zu)", (int)walk->where_len, walk->where, what,
			 (size_t)(at - walk->json.ptr));
}

static void extend(struct walk *walk, const char *separator, struct str key)
{
	int shown = key.len < KEY_SHOWN ? (int)key.len : KEY_SHOWN;
	size_t begin = walk->where_len, room = WHERE_MAX - begin;
	int len = snprintf(walk->where + begin, room, "%s%.*s", begin ? separator : "", shown, key.ptr);
	walk->where_len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
	plain_mask(walk->where + begin, walk->where_len - begin);
}

/* Many groups whose paths begin at the root of a large object would be searched for seconds. */
static int spend(struct walk *walk, struct str value)
{
	if (walk->work < value.len)
		return error_set(walk->err, "%.*s: the object is too large for so many groups of Pods (byte %zu)",
				 (int)walk->where_len, walk->where, (size_t)(value.ptr - walk->json.ptr));
	walk->work -= value.len;
	return 0;
}

/* --- A group of Pods --- */

/* Finds the value of a related path; absent if it leads to nothing. */
static int find(struct walk *walk, const struct related_path *path, struct str *value)
{
	struct error found = {0};
	struct str from = walk->chain[path->steps];
	*value = (struct str){NULL, 0};
	if (str_present(path->text) && spend(walk, from) < 0)
		return -1;
	if (!str_present(path->text) || json_find(from, path->rest, value, &found) == 0)
		return 0;
	return error_set(walk->err, "%.*s: a value on the way there has another type (byte %zu)", STR_ARG(path->text),
			 (size_t)(from.ptr - walk->json.ptr));
}

static int wrong(const struct walk *walk, const struct related_path *path, struct str value, const char *expected)
{
	char found[JSON_FOUND_BYTES];
	return error_set(walk->err, "%.*s: expected %s, found %s (byte %zu)", STR_ARG(path->text), expected,
			 json_found(value, found), (size_t)(value.ptr - walk->json.ptr));
}

/* Leaves `*number` unchanged if there is none. One that is too large is the largest. */
static int read_number(struct walk *walk, const struct related_path *path, int64_t *number)
{
	struct str value;
	int64_t found;
	if (find(walk, path, &value) < 0)
		return -1;
	if (!str_present(value))
		return 0;
	if (value.ptr[0] >= '0' && value.ptr[0] <= '9' && quantity_count(value, &found) == QUANTITY_RANGE)
		*number = INT64_MAX;
	else if (json_count(walk->json, path->text, value, number, walk->err) < 0)
		return -1;
	return 0;
}

/* Reads a factor or a bound, which is `absent` where there is none. */
static int read_less(struct walk *walk, const struct related_path *path, int64_t absent, int64_t *number)
{
	*number = absent;
	if (read_number(walk, path, number) < 0)
		return -1;
	*number = *number > path->less ? *number - path->less : 0;
	return 0;
}

static int bound(struct walk *walk, int64_t *number)
{
	int64_t least, most;
	if (read_less(walk, &walk->pods->at_least, 0, &least) < 0 ||
	    read_less(walk, &walk->pods->at_most, INT64_MAX, &most) < 0)
		return -1;
	*number = *number > least ? *number : least;
	*number = *number < most ? *number : most;
	return 0;
}

static int count_replicas(struct walk *walk, int64_t *replicas)
{
	*replicas = 1;
	for (uint32_t i = 0; i < walk->pods->replica_count; i++) {
		int64_t number;
		if (read_less(walk, &walk->pods->replicas[i], 1, &number) < 0)
			return -1;
		if (i + 1 == walk->pods->replica_count && bound(walk, &number) < 0)
			return -1;
		if (__builtin_mul_overflow(*replicas, number, replicas) || *replicas > WORKLOAD_REPLICAS_MAX)
			*replicas = number ? WORKLOAD_REPLICAS_MAX : 0;
	}
	return 0;
}

/* Finds what is expected to be an object. */
static int find_object(struct walk *walk, const struct related_path *path, struct str *value)
{
	if (find(walk, path, value) < 0)
		return -1;
	return str_present(*value) && value->ptr[0] != '{' ? wrong(walk, path, *value, "an object") : 0;
}

/* Makes the text of a Pod from its parts. */
static int compose(struct walk *walk, struct str value, struct str *pod)
{
	const struct pod_paths *pods = walk->pods;
	struct str containers[POD_PATHS_CONTAINERS_MAX];
	struct pod_pieces pieces = {.spec = pods->is_spec ? value : (struct str){NULL, 0}, .containers = containers};
	for (uint32_t i = 0; i < pods->container_count; i++) {
		if (find_object(walk, &pods->containers[i], &value) < 0)
			return -1;
		if (str_present(value))
			containers[pieces.container_count++] = value;
	}
	if (find_object(walk, &pods->metadata, &pieces.metadata) < 0 ||
	    find_object(walk, &pods->resources, &pieces.resources) < 0 ||
	    find_object(walk, &pods->device, &pieces.device) < 0)
		return -1;
	return pod_text(&pieces, walk->arena, pod, walk->err);
}

static int add_part(struct walk *walk, struct str value)
{
	struct workload_parts *parts = walk->parts;
	const struct pod_paths *pods = walk->pods;
	struct str spec = {NULL, 0};
	struct workload_part part = {.pod = value, .at = value, .alone = pods->alone, .composed = !pods->is_template};
	if (value.ptr[0] != '{')
		return fail(walk, value.ptr, "expected an object");
	if (spend(walk, value) < 0)
		return -1;
	if (pods->is_template && (json_find(value, "spec", &spec, walk->err) < 0 || !str_present(spec)))
		return fail(walk, value.ptr, "expected a Pod template, found no \"spec\" in it");
	if (parts->count == WORKLOAD_PARTS_MAX)
		return fail(walk, value.ptr, "the object has more than 32 groups of Pods");
	part.where = arena_str(walk->arena, (struct str){walk->where, walk->where_len});
	if (!str_present(part.where))
		return error_set(walk->err, "there is not enough memory");
	if (count_replicas(walk, &part.replicas) < 0 || (part.composed && compose(walk, value, &part.pod) < 0))
		return -1;
	parts->items[parts->count++] = part;
	return 0;
}

/* --- The way --- */

static int step(struct walk *walk, struct str value, const char *path, uint32_t steps);

/* Goes on from a member or an item at which the scan is, and puts the scan behind it. */
static int enter(struct walk *walk, struct scan *scan, const char *rest, uint32_t steps)
{
	scan_peek(scan);
	const char *begin = scan->at;
	if (scan_skip(scan) < 0)
		return fail(walk, scan->at, scan->fault);
	struct str value = {begin, (size_t)(scan->at - begin)};
	return *begin == 'n' ? 0 : step(walk, value, rest, steps);
}

static int each(struct walk *walk, struct str value, bool list, const char *rest, uint32_t steps)
{
	struct scan scan;
	const size_t len = walk->where_len;
	if (value.ptr[0] != (list ? '[' : '{'))
		return fail(walk, value.ptr, list ? "expected a list" : "expected an object");
	scan_init(&scan, value.ptr, value.len);
	if (scan_open(&scan) < 0)
		return fail(walk, value.ptr, scan.fault);
	for (unsigned i = 0;; i++) {
		struct str key = {NULL, 0};
		bool escaped = false;
		char index[16];
		int more = list ? scan_element(&scan, i == 0) : scan_member(&scan, i == 0, &key, &escaped);
		if (more < 0)
			return fail(walk, scan.at, scan.fault);
		if (more == 0)
			return 0;
		snprintf(index, sizeof index, "[%u]", i);
		extend(walk, list ? "" : ".", list ? str_of(index) : key);
		if (enter(walk, &scan, rest, steps) < 0)
			return -1;
		walk->where_len = len;
	}
}

/* Follows a path from a value on, which `steps` keys have led to. */
static int step(struct walk *walk, struct str value, const char *path, uint32_t steps)
{
	struct str key = {path, strcspn(path, ".")};
	const char *rest = path + key.len + (path[key.len] == '.');
	const size_t len = walk->where_len;
	struct error found = {0};
	char name[FIELD_PATH_BYTES_MAX + 1];
	walk->chain[steps] = value;
	if (!key.len)
		return add_part(walk, value);
	if (str_eq(key, STR("*")))
		return each(walk, value, false, rest, steps + 1);
	bool list = str_ends(key, STR("[]"));
	key.len -= list ? 2 : 0;
	snprintf(name, sizeof name, "%.*s", STR_ARG(key));
	if (value.ptr[0] != '{')
		return fail(walk, value.ptr, "expected an object");
	if (spend(walk, value) < 0)
		return -1;
	if (json_find(value, name, &value, &found) < 0)
		return fail(walk, walk->chain[steps].ptr, "expected an object that can be read");
	if (!str_present(value))
		return 0;
	extend(walk, ".", key);
	int result = list ? each(walk, value, true, rest, steps + 1) : step(walk, value, rest, steps + 1);
	walk->where_len = len;
	return result;
}

static int read_suspend(const struct workload_paths *paths, struct walk *walk)
{
	bool suspended = false;
	for (uint32_t i = 0; i < paths->suspend_count; i++) {
		struct str value;
		if (find(walk, &paths->suspend[i], &value) < 0)
			return -1;
		bool is_true = str_eq(value, STR("true")), text = str_present(value) && value.ptr[0] == '"';
		if (str_present(value) && !is_true && !text && !str_eq(value, STR("false")))
			return wrong(walk, &paths->suspend[i], value, "true, false, or a text");
		suspended |= is_true || (text && value.len > 2);
	}
	for (uint32_t i = 0; suspended && i < walk->parts->count; i++)
		walk->parts->items[i].replicas = 0;
	return 0;
}

int workload_parts_read(const struct workload_paths *paths, struct str json, struct arena *arena,
			struct workload_parts *parts, struct error *err)
{
	struct walk walk = {
	    .json = json, .arena = arena, .parts = parts, .err = err, .work = WORK_BYTES + WORK_TIMES * json.len};
	parts->count = 0;
	for (uint32_t i = 0; i < paths->pod_count; i++) {
		const uint32_t before = parts->count;
		walk.pods = &paths->pods[i];
		if (step(&walk, json, paths->pods[i].path.ptr, 0) < 0)
			return -1;
		if (parts->count == before && str_present(paths->pods[i].or_path) &&
		    step(&walk, json, paths->pods[i].or_path.ptr, 0) < 0)
			return -1;
	}
	walk.chain[0] = json;
	return read_suspend(paths, &walk);
}
