#include "webhook/object/workload.h"

#include "gpugate/quantity.h"
#include "webhook/json/count.h"
#include "webhook/json/path.h"

#define CONTROLLER(name) "system:serviceaccount:kube-system:" name "-controller"

static const struct workload_kind kinds[] = {
    {.group = "", .kind = "Pod", .template = ""},
    {.group = "apps",
     .kind = "Deployment",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("replicaset"),
     .rolling = {.field = "strategy.rollingUpdate",
		 .surge = "spec.strategy.rollingUpdate.maxSurge",
		 .surge_default = "\"25%\"",
		 .unavailable = "spec.strategy.rollingUpdate.maxUnavailable",
		 .unavailable_default = "\"25%\""},
     .strategy = "spec.strategy.type",
     .paused = "spec.paused",
     .existing = "status.replicas"},
    {.group = "apps",
     .kind = "ReplicaSet",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("replicaset"),
     .existing = "status.replicas",
     .keeps = true},
    {.group = "apps",
     .kind = "StatefulSet",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("statefulset"),
     .strategy = "spec.updateStrategy.type",
     .partition = "spec.updateStrategy.rollingUpdate.partition",
     .existing = "status.replicas"},
    {.group = "apps",
     .kind = "DaemonSet",
     .template = "spec.template",
     .controller = CONTROLLER("daemon-set"),
     .rolling = {.field = "updateStrategy.rollingUpdate",
		 .surge = "spec.updateStrategy.rollingUpdate.maxSurge",
		 .surge_default = "0",
		 .unavailable = "spec.updateStrategy.rollingUpdate.maxUnavailable",
		 .unavailable_default = "1",
		 .rounds_up = true},
     .strategy = "spec.updateStrategy.type",
     .existing = "status.currentNumberScheduled",
     .per_node = true},
    {.group = "",
     .kind = "ReplicationController",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("replication"),
     .existing = "status.replicas",
     .keeps = true},
    {.group = "batch",
     .kind = "Job",
     .template = "spec.template",
     .replicas = "spec.parallelism",
     .most = "spec.completions",
     .suspend = {"spec.suspend"},
     .controller = CONTROLLER("job"),
     .existing = "status.active",
     .succeeded = "status.succeeded",
     .conditions = "status.conditions"},
    {.group = "batch",
     .kind = "CronJob",
     .template = "spec.jobTemplate.spec.template",
     .replicas = "spec.jobTemplate.spec.parallelism",
     .most = "spec.jobTemplate.spec.completions",
     .suspend = {"spec.suspend", "spec.jobTemplate.spec.suspend"},
     .controller = CONTROLLER("job")},
};

const struct workload_kind workload_custom = {.group = "", .kind = "custom resource", .template = "*"};

struct str workload_group(struct str api_version)
{
	const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
	return (struct str){api_version.ptr, slash ? (size_t)(slash - api_version.ptr) : 0};
}

const struct workload_kind *workload_find(struct str api_version, struct str kind)
{
	return workload_find_in(workload_group(api_version), kind);
}

const struct workload_kind *workload_find_in(struct str group, struct str kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (str_eq(kind, str_of(kinds[i].kind)) && str_eq(group, str_of(kinds[i].group)))
			return &kinds[i];
	return NULL;
}

/* Reads an integer that is not negative. Leaves `*number` unchanged if it is absent. */
static int read_number(struct str json, const char *path, int64_t *number, struct error *err)
{
	struct str value;
	if (!path)
		return 0;
	if (json_find(json, path, &value, err) < 0)
		return -1;
	if (!str_present(value))
		return 0;
	return json_count(json, str_of(path), value, number, err);
}

/* Reads a boolean; false if it is absent. */
static int read_boolean(struct str json, const char *path, bool *is, struct error *err)
{
	struct str value = {NULL, 0};
	if (path && json_find(json, path, &value, err) < 0)
		return -1;
	*is = str_eq(value, STR("true"));
	char found[JSON_FOUND_BYTES];
	if (str_present(value) && !*is && !str_eq(value, STR("false")))
		return error_set(err, "%s: expected true or false, found %s (byte %zu)", path, json_found(value, found),
				 (size_t)(value.ptr - json.ptr));
	return 0;
}

/* Sets `*replicas` to 0 if the object is suspended. */
static int read_suspend(const struct workload_kind *kind, struct str json, int64_t *replicas, struct error *err)
{
	for (size_t i = 0; i < sizeof kind->suspend / sizeof kind->suspend[0]; i++) {
		bool suspended;
		if (read_boolean(json, kind->suspend[i], &suspended, err) < 0)
			return -1;
		if (suspended)
			*replicas = 0;
	}
	return 0;
}

/* --- Rolling updates --- */

/* Returns a share of the Pods in percent, or -1 if the text is none. */
static int64_t share_of(struct str text, int64_t replicas, bool up)
{
	int64_t percent;
	struct str digits = {text.ptr + 1, text.len > 3 ? text.len - 3 : 0}; /* "25%" */
	if (text.len < 4 || text.ptr[0] != '"' || text.ptr[text.len - 2] != '%' ||
	    quantity_count(digits, &percent) != QUANTITY_OK || percent > 100000)
		return -1;
	/* No product overflows: replicas is at most that of an int32. */
	return ((replicas > INT32_MAX ? INT32_MAX : replicas) * percent + (up ? 99 : 0)) / 100;
}

/* Reads a number of Pods, or a percentage of the replicas. */
static int read_part(struct str json, const char *path, const char *fallback, int64_t replicas, bool up,
		     int64_t *number, struct error *err)
{
	struct str value;
	char found[JSON_FOUND_BYTES];
	if (json_find(json, path, &value, err) < 0)
		return -1;
	size_t byte = str_present(value) ? (size_t)(value.ptr - json.ptr) : 0;
	if (!str_present(value))
		value = str_of(fallback);
	if (value.len && value.ptr[0] == '"')
		*number = share_of(value, replicas, up);
	else if (quantity_count(value, number) != QUANTITY_OK)
		*number = -1;
	return *number < 0
		   ? error_set(err,
			       "%s: expected a whole number of 0 or more, or a percentage such as 25%%, found %s "
			       "(byte %zu)",
			       path, json_found(value, found), byte)
		   : 0;
}

/*
 * An update that may take Pods away goes on where no additional ones fit. Without that, it creates
 * a Pod before it removes one. If both numbers are 0, Kubernetes takes one Pod away.
 */
static int read_surge(const struct workload_kind *kind, struct str json, struct workload *workload, struct error *err)
{
	const struct workload_rolling *rolling = &kind->rolling;
	int64_t surge, unavailable, pods = kind->per_node ? 1 : workload->replicas;
	struct str strategy;
	if (!rolling->field)
		return 0;
	if (json_find(json, kind->strategy, &strategy, err) < 0)
		return -1;
	/* The API server treats an empty type as absent. */
	if (str_present(strategy) && !str_eq(strategy, STR("\"RollingUpdate\"")) && !str_eq(strategy, STR("\"\"")))
		return 0;
	if (read_part(json, rolling->surge, rolling->surge_default, pods, true, &surge, err) < 0 ||
	    read_part(json, rolling->unavailable, rolling->unavailable_default, pods, rolling->rounds_up, &unavailable,
		      err) < 0)
		return -1;
	workload->surge = surge > 0 && unavailable == 0;
	return 0;
}

struct workload_count workload_rollout(const struct workload_count *count, int64_t existing)
{
	struct workload_count rollout = *count;
	if (existing > rollout.pods && rollout.per_node)
		rollout.pods = existing;
	rollout.surge = existing > 0 && count->pods > 0 ? count->surge : 0;
	rollout.pods += rollout.surge;
	return rollout;
}

/* --- What a status and a strategy say about Pods that are not created any more --- */

/* Whether it is a condition, in force, after which a Job creates no Pods. */
static int read_condition(struct str condition, bool *ended, struct error *err)
{
	static const char *const types[] = {"\"Complete\"", "\"Failed\"", "\"FailureTarget\"",
					    "\"SuccessCriteriaMet\""};
	struct str type, status;
	if (json_find(condition, "type", &type, err) < 0 || json_find(condition, "status", &status, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof types / sizeof types[0] && str_eq(status, STR("\"True\"")); i++)
		*ended |= str_eq(type, str_of(types[i]));
	return 0;
}

static int read_conditions(struct str json, const char *path, bool *ended, struct error *err)
{
	struct scan scan;
	struct str list = {NULL, 0};
	if (path && json_find(json, path, &list, err) < 0)
		return -1;
	if (!str_present(list))
		return 0;
	scan_init(&scan, list.ptr, list.len);
	if (scan_peek(&scan) != '[' || scan_open(&scan) < 0)
		return error_set(err, "%s: expected a list (byte %zu)", path, (size_t)(list.ptr - json.ptr));
	for (bool first = true;; first = false) {
		int more = scan_element(&scan, first);
		const char *begin = scan.at;
		if (more > 0 && scan_skip(&scan) < 0)
			more = -1;
		if (more < 0)
			return error_set(err, "%s: %s (byte %zu)", path, scan.fault, (size_t)(scan.at - json.ptr));
		if (more == 0)
			return 0;
		if (read_condition((struct str){begin, (size_t)(scan.at - begin)}, ended, err) < 0)
			return -1;
	}
}

static int read_remaining(struct str json, int64_t most, struct workload *workload, struct error *err)
{
	int64_t succeeded = 0;
	bool ended = false;
	if (read_number(json, workload->kind->succeeded, &succeeded, err) < 0 ||
	    read_conditions(json, workload->kind->conditions, &ended, err) < 0)
		return -1;
	if (most < INT64_MAX)
		workload->remaining = succeeded < most ? most - succeeded : 0;
	else if (succeeded) /* Without `completions`, the first success is the last start. */
		workload->remaining = workload->existing;
	if (ended)
		workload->remaining = 0;
	return 0;
}

static int read_keeps(struct str json, struct workload *workload, struct error *err)
{
	const struct workload_kind *kind = workload->kind;
	struct str strategy = {NULL, 0};
	int64_t partition = 0;
	if (read_boolean(json, kind->paused, &workload->paused, err) < 0 ||
	    read_number(json, kind->partition, &partition, err) < 0 ||
	    (kind->strategy && json_find(json, kind->strategy, &strategy, err) < 0))
		return -1;
	workload->keeps = kind->keeps || workload->paused || str_eq(strategy, STR("\"OnDelete\"")) ||
			  (partition && partition >= workload->replicas);
	if (workload->keeps)
		workload->surge = 0;
	return 0;
}

int workload_read(const struct workload_kind *kind, struct str json, struct workload *workload, struct error *err)
{
	int64_t most = INT64_MAX;
	*workload = (struct workload){.kind = kind, .replicas = 1, .remaining = INT64_MAX};
	if (json_find(json, kind->template, &workload->pod, err) < 0 ||
	    read_number(json, kind->replicas, &workload->replicas, err) < 0 ||
	    read_number(json, kind->most, &most, err) < 0 ||
	    read_number(json, kind->existing, &workload->existing, err) < 0)
		return -1;
	if (!str_present(workload->pod))
		return error_set(err, "%s: expected a Pod template, found nothing (byte 0)", kind->template);
	if (workload->replicas > most)
		workload->replicas = most;
	if (read_surge(kind, json, workload, err) < 0 || read_remaining(json, most, workload, err) < 0 ||
	    read_keeps(json, workload, err) < 0)
		return -1;
	return read_suspend(kind, json, &workload->replicas, err);
}
