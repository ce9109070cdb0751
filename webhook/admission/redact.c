#include "webhook/admission/redact.h"

#include "gpugate/inputs.h"
#include "gpugate/pod.h"
#include "webhook/json/copy.h"
#include "webhook/json/string.h"
#include "webhook/json/write.h"

#define KEEP(name)                                                                                                     \
	{                                                                                                              \
		FIELD_KEY(name), .read = copy_value                                                                    \
	}
#define OBJECT(name, fields)                                                                                           \
	{                                                                                                              \
		FIELD_KEY(name), .read = copy_object, .shape = &(fields)                                               \
	}
#define LIST(name, fields)                                                                                             \
	{                                                                                                              \
		FIELD_KEY(name), .read = copy_list, .shape = &(fields)                                                 \
	}

static int annotations(struct reader *reader, const struct field *field, void *target);
static int variables(struct reader *reader, const struct field *field, void *target);

/*
 * What is copied. Rows that gpugate does not read are for people and for later versions. No row may
 * hold text that users consider secret: not command, args, probes, lifecycle hooks, envFrom, or
 * options of volumes.
 */
static const struct field windows_fields[] = {KEEP("hostProcess")};
static const struct shape windows = SHAPE(windows_fields, 0);

static const struct field container_security_fields[] = {
    KEEP("privileged"),   KEEP("capabilities"), KEEP("procMount"),  OBJECT("windowsOptions", windows),
    KEEP("runAsNonRoot"), KEEP("runAsUser"),    KEEP("runAsGroup"), KEEP("allowPrivilegeEscalation"),
};
static const struct shape container_security = SHAPE(container_security_fields, 0);

static const struct field resources_fields[] = {KEEP("requests"), KEEP("limits"), KEEP("claims")};
static const struct shape resources = SHAPE(resources_fields, 0);

static const struct field mount_fields[] = {KEEP("name"), KEEP("mountPath"), KEEP("readOnly")};
static const struct shape mount = SHAPE(mount_fields, 0);

static const struct field device_fields[] = {KEEP("name"), KEEP("devicePath")};
static const struct shape device = SHAPE(device_fields, 0);

static const struct field container_fields[] = {
    KEEP("name"),
    KEEP("image"),
    {FIELD_KEY("env"), .read = variables},
    OBJECT("resources", resources),
    KEEP("restartPolicy"),
    LIST("volumeMounts", mount),
    LIST("volumeDevices", device),
    OBJECT("securityContext", container_security),
};
static const struct shape container = SHAPE(container_fields, 0);

static const struct field host_path_fields[] = {KEEP("path"), KEEP("type")};
static const struct shape host_path = SHAPE(host_path_fields, 0);

static const struct field empty_dir_fields[] = {KEEP("medium"), KEEP("sizeLimit")};
static const struct shape empty_dir = SHAPE(empty_dir_fields, 0);

static const struct field claim_volume_fields[] = {KEEP("claimName"), KEEP("readOnly")};
static const struct shape claim_volume = SHAPE(claim_volume_fields, 0);

static const struct field secret_volume_fields[] = {KEEP("secretName")};
static const struct shape secret_volume = SHAPE(secret_volume_fields, 0);

static const struct field named_fields[] = {KEEP("name")};
static const struct shape named = SHAPE(named_fields, 0);

static const struct field volume_fields[] = {
    KEEP("name"),
    OBJECT("hostPath", host_path),
    OBJECT("emptyDir", empty_dir),
    OBJECT("persistentVolumeClaim", claim_volume),
    OBJECT("secret", secret_volume),
    OBJECT("configMap", named),
};
static const struct shape volume = SHAPE(volume_fields, 0);

static const struct field cel_fields[] = {KEEP("expression")};
static const struct shape cel = SHAPE(cel_fields, 0);

static const struct field selector_fields[] = {OBJECT("cel", cel)};
static const struct shape selector = SHAPE(selector_fields, 0);

static const struct field capacity_fields[] = {KEEP("requests")};
static const struct shape capacity = SHAPE(capacity_fields, 0);

/*
 * What is read of a claim: not parameters of drivers. A request of an unknown form keeps its name,
 * and stays of an unknown form.
 */
#define CLAIM_OPTION                                                                                                   \
	KEEP("deviceClassName"), KEEP("allocationMode"), KEEP("count"), KEEP("adminAccess"),                           \
	    LIST("selectors", selector), OBJECT("capacity", capacity)
static const struct field exactly_fields[] = {CLAIM_OPTION};
static const struct shape exactly = SHAPE(exactly_fields, 0);

static const struct field option_fields[] = {KEEP("name"), CLAIM_OPTION};
static const struct shape option = SHAPE(option_fields, 0);

static const struct field claim_request_fields[] = {
    KEEP("name"),
    OBJECT("exactly", exactly),
    LIST("firstAvailable", option),
    CLAIM_OPTION,
};
static const struct shape claim_request = SHAPE(claim_request_fields, 0);

static const struct field claim_devices_fields[] = {LIST("requests", claim_request)};
static const struct shape claim_devices = SHAPE(claim_devices_fields, 0);

static const struct field claim_spec_fields[] = {OBJECT("devices", claim_devices)};
static const struct shape claim_spec = SHAPE(claim_spec_fields, 0);

static const struct field pod_security_fields[] = {
    OBJECT("windowsOptions", windows), KEEP("runAsNonRoot"), KEEP("runAsUser"), KEEP("runAsGroup"), KEEP("fsGroup"),
};
static const struct shape pod_security = SHAPE(pod_security_fields, 0);

static const struct field spec_fields[] = {
    LIST("volumes", volume),
    LIST("initContainers", container),
    LIST("containers", container),
    LIST("ephemeralContainers", container),
    KEEP("nodeSelector"),
    KEEP("nodeName"),
    KEEP("affinity"),
    KEEP("tolerations"),
    KEEP("runtimeClassName"),
    KEEP("hostPID"),
    KEEP("hostNetwork"),
    KEEP("hostIPC"),
    OBJECT("securityContext", pod_security),
    KEEP("overhead"),
    OBJECT("resources", resources),
    KEEP("resourceClaims"),
    KEEP("schedulingGates"),
    KEEP("schedulingGroup"),
    KEEP("topologySpreadConstraints"),
    KEEP("priorityClassName"),
    KEEP("priority"),
    KEEP("preemptionPolicy"),
    KEEP("schedulerName"),
    KEEP("serviceAccountName"),
    KEEP("restartPolicy"),
    KEEP("activeDeadlineSeconds"),
    KEEP("terminationGracePeriodSeconds"),
    LIST("imagePullSecrets", named),
    OBJECT("devices", claim_devices), /* Of a claim. */
    OBJECT("spec", claim_spec),       /* Of a template of claims. */
};
static const struct shape spec = SHAPE(spec_fields, 0);

static const struct field metadata_fields[] = {
    KEEP("name"),
    KEEP("generateName"),
    KEEP("namespace"),
    KEEP("uid"),
    KEEP("resourceVersion"),
    KEEP("creationTimestamp"),
    KEEP("deletionTimestamp"),
    KEEP("deletionGracePeriodSeconds"),
    KEEP("labels"),
    {FIELD_KEY("annotations"), .read = annotations},
    KEEP("ownerReferences"),
    /* A row, although nothing is copied: its contents need not be valid. */
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape metadata = SHAPE(metadata_fields, 0);

static const struct field status_fields[] = {KEEP("phase")};
static const struct shape status = SHAPE(status_fields, 0);

static const struct field pod_fields[] = {
    KEEP("kind"), KEEP("apiVersion"), OBJECT("metadata", metadata), OBJECT("spec", spec), OBJECT("status", status),
};
static const struct shape pod = SHAPE(pod_fields, 0);

static const struct field user_fields[] = {KEEP("username"), KEEP("groups")};
static const struct shape user = SHAPE(user_fields, 0);

static const struct field request_fields[] = {
    KEEP("uid"),       KEEP("kind"),      KEEP("resource"),         KEEP("subResource"),   KEEP("name"),
    KEEP("namespace"), KEEP("operation"), OBJECT("userInfo", user), OBJECT("object", pod), OBJECT("oldObject", pod),
    KEEP("dryRun"),
};
static const struct shape request = SHAPE(request_fields, 0);

static int whole_request(struct reader *reader, const struct field *field, void *target)
{
	struct json_copy *copy = target;
	buf_char(copy->out, '{');
	if (copy_members(reader, field, target) < 0)
		return -1;
	buf_char(copy->out, '}');
	return 0;
}

static const struct field review_fields[] = {{FIELD_KEY("request"), .read = whole_request, .shape = &request}};
static const struct shape review = SHAPE(review_fields, 0);

/* Decodes a key if it has escapes. Returns 0 or -1. */
static int decode_key(struct reader *reader, struct str *key, bool escaped)
{
	if (!escaped)
		return 0;
	char *text = arena_alloc(reader->arena, key->len);
	if (!text)
		return reader_no_memory(reader);
	*key = (struct str){text, scan_unescape(*key, text)};
	return 0;
}

/* Copies the annotations that the policy reads. */
static int annotations(struct reader *reader, const struct field *field, void *target)
{
	struct json_copy *copy = target;
	struct scan *scan = &reader->scan;
	struct str key = {NULL, 0};
	bool escaped;
	int more;
	if (scan_peek(scan) != '{')
		return scan_expected(scan, "an object");
	if (scan_open(scan) < 0)
		return -1;
	copy_key(copy, field);
	buf_char(copy->out, '{');
	for (bool first = true; (more = scan_member(scan, first, &key, &escaped)) > 0; first = false) {
		if (decode_key(reader, &key, escaped) < 0)
			return -1;
		bool reads = policy_reads_annotation(copy->context, key);
		if (reads) {
			copy_separator(copy);
			json_write_string(copy->out, key);
			buf_char(copy->out, ':');
		}
		if ((reads ? copy_any(reader, copy) : scan_skip(scan)) < 0)
			return -1;
	}
	buf_char(copy->out, '}');
	return more;
}

enum { NAME, VALUE, VALUE_FROM };

static const struct field variable_fields[] = {
    [NAME] = {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct env_var, name)},
    [VALUE] = {FIELD_KEY("value"), .read = field_string, .offset = offsetof(struct env_var, value)},
    [VALUE_FROM] = {FIELD_KEY("valueFrom"), .read = field_skip, FIELD_FLAG(struct env_var, value_from)},
};
static const struct shape variable_shape = SHAPE(variable_fields, 0);

/* Appends one member of a variable as a string, unless it is absent. */
static void variable_member(struct json_copy *copy, const struct field *field, struct str text)
{
	if (!str_present(text))
		return;
	copy_key(copy, field);
	json_write_string(copy->out, text);
}

/* Copies the name of a variable, and its value only if a policy can depend on it. */
static int variable(struct reader *reader, const struct field *field, struct json_copy *copy)
{
	struct env_var env = {0};
	(void)field;
	if (reader_object(reader, &variable_shape, &env) < 0)
		return -1;
	if (str_present(env.value) && !policy_reads_variable(env.name))
		env.value = STR(REDACTED);
	buf_char(copy->out, '{');
	variable_member(copy, &variable_fields[NAME], env.name);
	variable_member(copy, &variable_fields[VALUE], env.value);
	if (env.value_from) {
		copy_key(copy, &variable_fields[VALUE_FROM]);
		buf_text(copy->out, "{}");
	}
	buf_char(copy->out, '}');
	return 0;
}

static int variables(struct reader *reader, const struct field *field, void *target)
{
	return copy_list_by(reader, field, target, variable);
}

int redact_request(struct buf *out, struct str bytes, const struct policy *policy, struct arena *arena,
		   struct error *err)
{
	struct reader reader;
	struct json_copy copy = {out, (void *)(uintptr_t)policy};
	reader_init(&reader, bytes.ptr, bytes.len, arena);
	if (reader_object(&reader, &review, &copy) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	return 0;
}
