#include "webhook/object/workload.h"

#include "gpugate/quantity.h"
#include "webhook/json/path.h"

#define CONTROLLER(name) "system:serviceaccount:kube-system:" name "-controller"

static const struct workload_kind kinds[] = {
    {"", "Pod", "", NULL, NULL, {NULL}, NULL, false},
    {"apps", "Deployment", "spec.template", "spec.replicas", NULL, {NULL}, CONTROLLER("replicaset"), false},
    {"apps", "ReplicaSet", "spec.template", "spec.replicas", NULL, {NULL}, CONTROLLER("replicaset"), false},
    {"apps", "StatefulSet", "spec.template", "spec.replicas", NULL, {NULL}, CONTROLLER("statefulset"), false},
    {"apps", "DaemonSet", "spec.template", NULL, NULL, {NULL}, CONTROLLER("daemon-set"), true},
    {"", "ReplicationController", "spec.template", "spec.replicas", NULL, {NULL}, CONTROLLER("replication"), false},
    {"batch",
     "Job",
     "spec.template",
     "spec.parallelism",
     "spec.completions",
     {"spec.suspend"},
     CONTROLLER("job"),
     false},
    {"batch",
     "CronJob",
     "spec.jobTemplate.spec.template",
     "spec.jobTemplate.spec.parallelism",
     "spec.jobTemplate.spec.completions",
     {"spec.suspend", "spec.jobTemplate.spec.suspend"},
     CONTROLLER("job"),
     false},
};

const struct workload_kind *workload_find(struct str api_version, struct str kind)
{
	const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
	struct str group = {api_version.ptr, slash ? (size_t)(slash - api_version.ptr) : 0};
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

int workload_read(const struct workload_kind *kind, struct str json, struct workload *workload, struct error *err)
{
	int64_t most = INT64_MAX;
	*workload = (struct workload){.kind = kind, .replicas = 1};
	if (json_find(json, kind->template, &workload->pod, err) < 0 ||
	    read_number(json, kind->replicas, &workload->replicas, err) < 0 ||
	    read_number(json, kind->most, &most, err) < 0)
		return -1;
	if (!str_present(workload->pod))
		return error_set(err, "%s: expected a Pod template, found nothing (byte 0)", kind->template);
	if (workload->replicas > most)
		workload->replicas = most;
	return read_suspend(kind, json, &workload->replicas, err);
}
