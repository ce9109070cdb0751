#include "webhook/object/workload.h"

#include "gpugate/quantity.h"
#include "webhook/json/path.h"

#define CONTROLLER(name) "system:serviceaccount:kube-system:" name "-controller"

static const struct workload_kind kinds[] = {
    {.group = "", .kind = "Pod", .template = ""},
    {.group = "apps",
     .kind = "Deployment",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("replicaset"),
     .surge = "spec.strategy.rollingUpdate.maxSurge",
     .strategy = "spec.strategy.type",
     .existing = "status.replicas"},
    {.group = "apps",
     .kind = "ReplicaSet",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("replicaset"),
     .existing = "status.replicas"},
    {.group = "apps",
     .kind = "StatefulSet",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("statefulset"),
     .existing = "status.replicas"},
    {.group = "apps",
     .kind = "DaemonSet",
     .template = "spec.template",
     .controller = CONTROLLER("daemon-set"),
     .existing = "status.currentNumberScheduled",
     .per_node = true},
    {.group = "",
     .kind = "ReplicationController",
     .template = "spec.template",
     .replicas = "spec.replicas",
     .controller = CONTROLLER("replication"),
     .existing = "status.replicas"},
    {.group = "batch",
     .kind = "Job",
     .template = "spec.template",
     .replicas = "spec.parallelism",
     .most = "spec.completions",
     .suspend = {"spec.suspend"},
     .controller = CONTROLLER("job"),
     .existing = "status.active"},
    {.group = "batch",
     .kind = "CronJob",
     .template = "spec.jobTemplate.spec.template",
     .replicas = "spec.jobTemplate.spec.parallelism",
     .most = "spec.jobTemplate.spec.completions",
     .suspend = {"spec.suspend", "spec.jobTemplate.spec.suspend"},
     .controller = CONTROLLER("job")},
};

const struct workload_kind *workload_find(struct str api_version, struct str kind)
{
	const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
	return workload_find_in((struct str){api_version.ptr, slash ? (size_t)(slash - api_version.ptr) : 0}, kind);
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
	size_t byte = (size_t)(value.ptr - json.ptr);
	if (value.len == 0 || value.ptr[0] == '"' || quantity_count(value, number) != QUANTITY_OK)
		return error_set(err, "%s: expected a whole number of 0 or more (byte %zu)", path, byte);
	return 0;
}

/* Sets `*replicas` to 0 if the object is suspended. */
static int read_suspend(const struct workload_kind *kind, struct str json, int64_t *replicas, struct error *err)
{
	for (size_t i = 0; i < sizeof kind->suspend / sizeof kind->suspend[0] && kind->suspend[i]; i++) {
		struct str value;
		if (json_find(json, kind->suspend[i], &value, err) < 0)
			return -1;
		bool suspended = str_eq(value, STR("true"));
		if (str_present(value) && !suspended && !str_eq(value, STR("false")))
			return error_set(err, "%s: expected true or false (byte %zu)", kind->suspend[i],
					 (size_t)(value.ptr - json.ptr));
		if (suspended)
			*replicas = 0;
	}
	return 0;
}

/* Returns a share of the Pods in percent, rounded up, or -1 if the text is none. */
static int64_t share_of(struct str text, int64_t replicas)
{
	int64_t percent;
	struct str digits = {text.ptr + 1, text.len > 3 ? text.len - 3 : 0}; /* "25%" */
	if (text.len < 4 || text.ptr[0] != '"' || text.ptr[text.len - 2] != '%' ||
	    quantity_count(digits, &percent) != QUANTITY_OK || percent > 100000)
		return -1;
	/* No product overflows: replicas is at most that of an int32. */
	return replicas > INT32_MAX ? INT32_MAX : (replicas * percent + 99) / 100;
}

static int read_surge(const struct workload_kind *kind, struct str json, struct workload *workload, struct error *err)
{
	struct str strategy, value;
	if (!kind->surge)
		return 0;
	if (json_find(json, kind->strategy, &strategy, err) < 0)
		return -1;
	if (str_eq(strategy, STR("\"Recreate\"")))
		return 0;
	if (json_find(json, kind->surge, &value, err) < 0)
		return -1;
	if (str_present(value) && value.ptr[0] != '"')
		return read_number(json, kind->surge, &workload->surge, err);
	workload->surge = share_of(str_present(value) ? value : STR("\"25%\""), workload->replicas);
	return workload->surge < 0
		   ? error_set(err, "%s: expected a whole number of 0 or more, or a percentage such as 25%% (byte %zu)",
			       kind->surge, (size_t)(value.ptr - json.ptr))
		   : 0;
}

int workload_read(const struct workload_kind *kind, struct str json, struct workload *workload, struct error *err)
{
	int64_t most = INT64_MAX;
	*workload = (struct workload){.kind = kind, .replicas = 1};
	if (json_find(json, kind->template, &workload->pod, err) < 0 ||
	    read_number(json, kind->replicas, &workload->replicas, err) < 0 ||
	    read_number(json, kind->most, &most, err) < 0 ||
	    read_number(json, kind->existing, &workload->existing, err) < 0)
		return -1;
	if (!str_present(workload->pod))
		return error_set(err, "%s: expected a Pod template, found nothing (byte 0)", kind->template);
	if (workload->replicas > most)
		workload->replicas = most;
	if (read_surge(kind, json, workload, err) < 0)
		return -1;
	return read_suspend(kind, json, &workload->replicas, err);
}
