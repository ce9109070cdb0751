#include "webhook/init/pods.h"

#include <stdio.h>

#include "gpugate/decision.h"
#include "gpugate/known.h"
#include "gpugate/review.h"
#include "webhook/init/guards.h"
#include "webhook/object/review.h"

static int count_demands(struct fleet *fleet, struct fleet_namespace *space, const struct pod *pod,
			 struct arena *scratch, struct error *err)
{
	const struct resource_request *requests;
	uint32_t count;
	if (policy_pod_requests(pod, scratch, &requests, &count) < 0)
		return fleet_no_memory(err);
	for (uint32_t i = 0; i < count; i++) {
		if (!known_is_key(requests[i].resource) || !fleet_is_accelerator(fleet, requests[i].resource))
			continue;
		struct fleet_use *use = fleet_use(fleet, space, requests[i].resource, err);
		if (!use)
			return -1;
		use->used = requests[i].count > INT64_MAX - use->used ? INT64_MAX : use->used + requests[i].count;
		use->pods++;
	}
	return 0;
}

/* Device plugins and drivers have the kubelet's folders; nothing else needs them. */
static bool registers_devices(const struct pod *pod)
{
	for (uint32_t i = 0; i < pod->volume_count; i++)
		if (str_starts(pod->volumes[i].host_path, STR("/var/lib/kubelet/device-plugins")) ||
		    str_starts(pod->volumes[i].host_path, STR("/var/lib/kubelet/plugins")))
			return str_eq(pod->owner.kind, STR("DaemonSet"));
	return false;
}

/* Which Guards would refuse the Pod if it were created now, before a scheduler has bound it. */
static int judge(struct fleet *fleet, struct fleet_namespace *space, const struct policy *probe, const struct pod *pod,
		 struct arena *scratch, struct error *err)
{
	/* The kubelet creates mirror Pods, which are never refused. */
	static const struct str nodes[] = {{"system:nodes", 12}};
	struct review review = {.groups = {nodes, 1},
				.version = STR("v1"),
				.kind = STR("Pod"),
				.resource = STR("pods"),
				.name = pod->name,
				.namespace = pod->namespace,
				.operation = OPERATION_CREATE,
				.object = *pod};
	struct decision decision;
	review.object.node_name = (struct str){NULL, 0};
	if (policy_validate(probe, &review, scratch, &decision, NULL) < 0)
		return fleet_no_memory(err);
	for (uint32_t i = 0; i < decision.violation_count && !decision.mirror; i++) {
		const struct violation *violation = &decision.violations[i];
		if (violation->reason == REASON_GUARD)
			space->violations |= guards_bit(violation->name);
		else if ((violation->reason == REASON_NO_MODEL || violation->reason == REASON_UNCOVERED) &&
			 !guards_exempts(space) && fleet->unplaced++ == 0) {
			char name[400];
			int len = snprintf(name, sizeof name, "%.63s/%.*s", space->name.ptr, STR_ARG(pod->name));
			fleet->unplaced_pod =
			    arena_str(&fleet->arena, (struct str){name, (size_t)len < sizeof name ? (size_t)len : 0});
		}
	}
	return 0;
}

int pods_read(struct fleet *fleet, const struct policy *probe, struct str json, struct arena *scratch,
	      struct error *err)
{
	struct pod pod;
	if (review_read_pod(json.ptr, json.len, scratch, &pod, err) < 0)
		return -1;
	fleet->pods++;
	if (!known_is_namespace(pod.namespace) || !known_is_name(pod.name)) {
		fleet->skipped++;
		return 0;
	}
	if (str_eq(pod.phase, STR("Succeeded")) || str_eq(pod.phase, STR("Failed")))
		return 0;
	struct fleet_namespace *space = fleet_namespace(fleet, pod.namespace, err);
	if (!space || count_demands(fleet, space, &pod, scratch, err) < 0)
		return -1;
	space->has_plugin |= registers_devices(&pod);
	return judge(fleet, space, probe, &pod, scratch, err);
}
