#include "webhook/object/pod.h"

#include "webhook/object/owner.h"

/* One of the Pod's three container lists, in document order. join_containers concatenates them. */
struct container_run {
	const struct container *items;
	uint32_t count;
};

/* A partially read Pod, including fields that are only needed until reader_pod returns. */
struct working_pod {
	struct pod pod;
	struct str api_version;
	struct str kind;
	struct container_run init, regular, ephemeral;
	const struct owner_reference *owners;
	uint32_t owner_count;
};

static int sidecar_policy(struct reader *reader, const struct field *field, void *target)
{
	struct str policy;
	const struct field row = {.offset = 0};
	(void)field;
	if (field_string(reader, &row, &policy) < 0)
		return -1;
	((struct container *)target)->sidecar = str_eq(policy, STR("Always"));
	return 0;
}

static const struct field env_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct env_var, name)},
    {FIELD_KEY("value"), .read = field_string, .offset = offsetof(struct env_var, value)},
    {FIELD_KEY("valueFrom"), .read = field_skip, FIELD_FLAG(struct env_var, value_from)},
};
static const struct shape env_shape = SHAPE(env_fields, sizeof(struct env_var));

static const struct field mount_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct volume_mount, volume)},
    {FIELD_KEY("mountPath"), .read = field_string, .offset = offsetof(struct volume_mount, path)},
};
static const struct shape mount_shape = SHAPE(mount_fields, sizeof(struct volume_mount));

static const struct field device_fields[] = {
    {FIELD_KEY("devicePath"), .read = field_string, .offset = 0},
};
static const struct shape device_shape = SHAPE(device_fields, sizeof(struct str));

static const struct field claim_use_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = 0},
};
static const struct shape claim_use_shape = SHAPE(claim_use_fields, sizeof(struct str));

static const struct field resources_fields[] = {
    {FIELD_KEY("requests"), .read = field_quantities, .offset = offsetof(struct container, requests)},
    {FIELD_KEY("limits"), .read = field_quantities, .offset = offsetof(struct container, limits)},
    {FIELD_KEY("claims"), .read = field_list, .offset = offsetof(struct container, claims), .shape = &claim_use_shape,
     .count = offsetof(struct container, claim_count)},
};
static const struct shape resources_shape = SHAPE(resources_fields, 0);

static const struct field capabilities_fields[] = {
    {FIELD_KEY("add"), .read = field_strings, .offset = offsetof(struct container, capabilities.items),
     .count = offsetof(struct container, capabilities.count)},
};
static const struct shape capabilities_shape = SHAPE(capabilities_fields, 0);

static const struct field windows_fields[] = {
    {FIELD_KEY("hostProcess"), .read = field_bool, .offset = offsetof(struct container, host_process)},
};
static const struct shape windows_shape = SHAPE(windows_fields, 0);

static const struct field security_fields[] = {
    {FIELD_KEY("privileged"), .read = field_bool, .offset = offsetof(struct container, privileged)},
    {FIELD_KEY("capabilities"), .read = field_object, .shape = &capabilities_shape},
    {FIELD_KEY("procMount"), .read = field_string, .offset = offsetof(struct container, proc_mount)},
    {FIELD_KEY("windowsOptions"), .read = field_object, .shape = &windows_shape},
};
static const struct shape security_shape = SHAPE(security_fields, 0);

static const struct field container_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct container, name)},
    {FIELD_KEY("env"), .read = field_list, .offset = offsetof(struct container, env), .shape = &env_shape,
     .count = offsetof(struct container, env_count), FIELD_FLAG(struct container, has_env)},
    {FIELD_KEY("resources"), .read = field_object, .shape = &resources_shape,
     FIELD_FLAG(struct container, has_resources)},
    {FIELD_KEY("restartPolicy"), .read = sidecar_policy},
    {FIELD_KEY("volumeMounts"), .read = field_list, .offset = offsetof(struct container, mounts), .shape = &mount_shape,
     .count = offsetof(struct container, mount_count)},
    {FIELD_KEY("volumeDevices"), .read = field_list, .offset = offsetof(struct container, device_paths),
     .shape = &device_shape, .count = offsetof(struct container, device_path_count)},
    {FIELD_KEY("securityContext"), .read = field_object, .shape = &security_shape},
};
static const struct shape container_shape = SHAPE(container_fields, sizeof(struct container));

static const struct field expression_fields[] = {
    {FIELD_KEY("key"), .read = field_string, .offset = offsetof(struct node_expression, key)},
    {FIELD_KEY("operator"), .read = field_string, .offset = offsetof(struct node_expression, op)},
    {FIELD_KEY("values"), .read = field_strings, .offset = offsetof(struct node_expression, values.items),
     .count = offsetof(struct node_expression, values.count)},
};
static const struct shape expression_shape = SHAPE(expression_fields, sizeof(struct node_expression));

static const struct field term_fields[] = {
    {FIELD_KEY("matchExpressions"), .read = field_list, .offset = offsetof(struct node_term, expressions),
     .shape = &expression_shape, .count = offsetof(struct node_term, count)},
    {FIELD_KEY("matchFields"), .read = field_count, .offset = offsetof(struct node_term, field_count)},
};
static const struct shape term_shape = SHAPE(term_fields, sizeof(struct node_term));

static const struct field required_fields[] = {
    {FIELD_KEY("nodeSelectorTerms"), .read = field_list, .offset = offsetof(struct working_pod, pod.node_terms),
     .shape = &term_shape, .count = offsetof(struct working_pod, pod.node_term_count),
     FIELD_FLAG(struct working_pod, pod.has_required_affinity)},
};
static const struct shape required_shape = SHAPE(required_fields, 0);

static const struct field node_affinity_fields[] = {
    {FIELD_KEY("requiredDuringSchedulingIgnoredDuringExecution"), .read = field_object, .shape = &required_shape},
};
static const struct shape node_affinity_shape = SHAPE(node_affinity_fields, 0);

static const struct field affinity_fields[] = {
    {FIELD_KEY("nodeAffinity"), .read = field_object, .shape = &node_affinity_shape},
};
static const struct shape affinity_shape = SHAPE(affinity_fields, 0);

static const struct field toleration_fields[] = {
    {FIELD_KEY("key"), .read = field_string, .offset = offsetof(struct toleration, key)},
    {FIELD_KEY("operator"), .read = field_string, .offset = offsetof(struct toleration, op)},
    {FIELD_KEY("value"), .read = field_string, .offset = offsetof(struct toleration, value)},
    {FIELD_KEY("effect"), .read = field_string, .offset = offsetof(struct toleration, effect)},
    {FIELD_KEY("tolerationSeconds"), .read = field_number, .offset = offsetof(struct toleration, seconds)},
};
static const struct shape toleration_shape = SHAPE(toleration_fields, sizeof(struct toleration));

static const struct field host_path_fields[] = {
    {FIELD_KEY("path"), .read = field_string, .offset = offsetof(struct volume, host_path)},
};
static const struct shape host_path_shape = SHAPE(host_path_fields, 0);

static const struct field volume_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct volume, name)},
    {FIELD_KEY("hostPath"), .read = field_object, .shape = &host_path_shape},
};
static const struct shape volume_shape = SHAPE(volume_fields, sizeof(struct volume));

static const struct field pod_windows_fields[] = {
    {FIELD_KEY("hostProcess"), .read = field_bool, .offset = offsetof(struct working_pod, pod.host_process)},
};
static const struct shape pod_windows_shape = SHAPE(pod_windows_fields, 0);

static const struct field pod_security_fields[] = {
    {FIELD_KEY("windowsOptions"), .read = field_object, .shape = &pod_windows_shape},
};
static const struct shape pod_security_shape = SHAPE(pod_security_fields, 0);

static const struct field claim_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct pod_claim, name)},
    {FIELD_KEY("resourceClaimName"), .read = field_string, .offset = offsetof(struct pod_claim, claim)},
    {FIELD_KEY("resourceClaimTemplateName"), .read = field_string, .offset = offsetof(struct pod_claim, template)},
};
static const struct shape claim_shape = SHAPE(claim_fields, sizeof(struct pod_claim));

static const struct field group_fields[] = {
    {FIELD_KEY("podGroupName"), .read = field_string, .offset = offsetof(struct working_pod, pod.pod_group)},
};
static const struct shape group_shape = SHAPE(group_fields, 0);

static const struct field spec_fields[] = {
    {FIELD_KEY("volumes"), .read = field_list, .offset = offsetof(struct working_pod, pod.volumes),
     .shape = &volume_shape, .count = offsetof(struct working_pod, pod.volume_count)},
    {FIELD_KEY("initContainers"), .read = field_list, .offset = offsetof(struct working_pod, init.items),
     .shape = &container_shape, .count = offsetof(struct working_pod, init.count)},
    {FIELD_KEY("containers"), .read = field_list, .offset = offsetof(struct working_pod, regular.items),
     .shape = &container_shape, .count = offsetof(struct working_pod, regular.count)},
    {FIELD_KEY("ephemeralContainers"), .read = field_list, .offset = offsetof(struct working_pod, ephemeral.items),
     .shape = &container_shape, .count = offsetof(struct working_pod, ephemeral.count)},
    {FIELD_KEY("nodeSelector"), .read = field_pairs, .offset = offsetof(struct working_pod, pod.node_selector)},
    {FIELD_KEY("nodeName"), .read = field_string, .offset = offsetof(struct working_pod, pod.node_name)},
    {FIELD_KEY("affinity"), .read = field_object, .shape = &affinity_shape},
    {FIELD_KEY("tolerations"), .read = field_list, .offset = offsetof(struct working_pod, pod.tolerations),
     .shape = &toleration_shape, .count = offsetof(struct working_pod, pod.toleration_count),
     FIELD_FLAG(struct working_pod, pod.has_tolerations)},
    {FIELD_KEY("runtimeClassName"), .read = field_string, .offset = offsetof(struct working_pod, pod.runtime_class)},
    {FIELD_KEY("hostPID"), .read = field_bool, .offset = offsetof(struct working_pod, pod.host_pid)},
    {FIELD_KEY("securityContext"), .read = field_object, .shape = &pod_security_shape},
    {FIELD_KEY("overhead"), .read = field_quantities, .offset = offsetof(struct working_pod, pod.overhead)},
    {FIELD_KEY("resourceClaims"), .read = field_list, .offset = offsetof(struct working_pod, pod.claims),
     .shape = &claim_shape, .count = offsetof(struct working_pod, pod.claim_count)},
    {FIELD_KEY("schedulingGroup"), .read = field_object, .shape = &group_shape},
};
static const struct shape spec_shape = SHAPE(spec_fields, 0);

static const struct field metadata_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct working_pod, pod.name)},
    {FIELD_KEY("generateName"), .read = field_string, .offset = offsetof(struct working_pod, pod.generate_name)},
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct working_pod, pod.namespace)},
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct working_pod, pod.uid)},
    {FIELD_KEY("resourceVersion"), .read = field_string, .offset = offsetof(struct working_pod, pod.resource_version)},
    {FIELD_KEY("deletionTimestamp"), .read = field_string,
     .offset = offsetof(struct working_pod, pod.deletion_timestamp)},
    {FIELD_KEY("deletionGracePeriodSeconds"), .read = field_number,
     .offset = offsetof(struct working_pod, pod.deletion_grace_seconds)},
    {FIELD_KEY("labels"), .read = field_pairs, .offset = offsetof(struct working_pod, pod.labels)},
    {FIELD_KEY("annotations"), .read = field_pairs, .offset = offsetof(struct working_pod, pod.annotations)},
    {FIELD_KEY("ownerReferences"), .read = field_list, .offset = offsetof(struct working_pod, owners),
     .shape = &owner_shape, .count = offsetof(struct working_pod, owner_count)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape metadata_shape = SHAPE(metadata_fields, 0);

static const struct field status_fields[] = {
    {FIELD_KEY("phase"), .read = field_string, .offset = offsetof(struct working_pod, pod.phase)},
};
static const struct shape status_shape = SHAPE(status_fields, 0);

static const struct field pod_fields[] = {
    {FIELD_KEY("kind"), .read = field_string, .offset = offsetof(struct working_pod, kind)},
    {FIELD_KEY("apiVersion"), .read = field_string, .offset = offsetof(struct working_pod, api_version)},
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
    {FIELD_KEY("status"), .read = field_object, .shape = &status_shape},
};
static const struct shape pod_shape = SHAPE(pod_fields, 0);

/* Concatenates the three lists in the order that struct pod documents for `containers`. */
static int join_containers(struct reader *reader, struct working_pod *working)
{
	const struct {
		struct container_run run;
		enum container_list list;
	} runs[] = {{working->init, CONTAINER_INIT},
		    {working->regular, CONTAINER_REGULAR},
		    {working->ephemeral, CONTAINER_EPHEMERAL}};
	size_t total = (size_t)working->init.count + working->regular.count + working->ephemeral.count;
	struct container *all = arena_alloc(reader->arena, total * sizeof *all);
	if (!all)
		return reader_no_memory(reader);
	uint32_t count = 0;
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		for (uint32_t j = 0; j < runs[i].run.count; j++, count++) {
			all[count] = runs[i].run.items[j];
			all[count].list = runs[i].list;
			all[count].index = j;
		}
	}
	working->pod.containers = all;
	working->pod.container_count = count;
	return 0;
}

/*
 * Items of a PodList have neither kind nor apiVersion, so both are optional. If present, they must
 * be a Pod's.
 */
static int check_identity(struct reader *reader, const char *at, struct str found, struct str key, struct str expected)
{
	if (!str_present(found) || str_eq(found, expected))
		return 0;
	scan_fail(&reader->scan, at, "expected \"%.*s\": this object is no core v1 Pod", STR_ARG(expected));
	reader_at_key(reader, key);
	return -1;
}

int reader_pod(struct reader *reader, struct pod *pod)
{
	struct working_pod working;
	memset(&working, 0, sizeof working);
	scan_peek(&reader->scan);
	const char *at = reader->scan.at;
	if (reader_object(reader, &pod_shape, &working) < 0)
		return -1;
	if (check_identity(reader, at, working.kind, STR("kind"), STR("Pod")) < 0 ||
	    check_identity(reader, at, working.api_version, STR("apiVersion"), STR("v1")) < 0)
		return -1;
	if (join_containers(reader, &working) < 0)
		return -1;
	working.pod.owner = owner_controller(working.owners, working.owner_count);
	working.pod.present = true;
	*pod = working.pod;
	return 0;
}
