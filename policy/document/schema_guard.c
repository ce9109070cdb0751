/* schema_guard: the tables of Guard documents. */
#include "gpugate/policy_enums.h"
#include "policy/document/schema_parts.h"

const struct schema_word schema_guard_words[GUARD_WORDS] = {
    {WORD("visibleDevicesEnv"), GUARD_VISIBLE_DEVICES_ENV,
     "A variable that chooses devices by itself, such as NVIDIA_VISIBLE_DEVICES, unless it "
     "is empty, `void` or `none`."},
    {WORD("hostDeviceMounts"), GUARD_HOST_DEVICE_MOUNTS,
     "A hostPath volume of an accelerator's device files, of what hands devices out on the node, or of a "
     "folder above these."},
    {WORD("deviceVolumeMounts"), GUARD_DEVICE_VOLUME_MOUNTS,
     "Anything mounted below /var/run/nvidia-container-devices, where mounts choose "
     "devices, or below such a folder of another "
     "vendor."},
    {WORD("mixedMigInContainer"), GUARD_MIXED_MIG,
     "Two MIG profiles in one container, of which the container would see only one."},
    {WORD("sharedRequestAboveOne"), GUARD_SHARED_ABOVE_ONE,
     "More shares of one device in a container than its Accelerator allows."},
    {WORD("preboundNodeName"), GUARD_PREBOUND_NODE_NAME,
     "A Pod that sets spec.nodeName and so passes the scheduler, and the taints of GPU nodes, by."},
    {WORD("privileged"), GUARD_PRIVILEGED,
     "A privileged container, which sees every device of its node, and what amounts to one: the capabilities ALL, "
     "SYS_ADMIN, "
     "SYS_MODULE and MKNOD, SYS_PTRACE together with hostPID, a Windows HostProcess container, and procMount "
     "Unmasked."},
    {WORD("ephemeralContainers"), GUARD_EPHEMERAL_CONTAINERS, "An ephemeral container, in whatever Pod."},
    {WORD("resourceClaims"), GUARD_RESOURCE_CLAIMS, "A Pod that claims devices through spec.resourceClaims."},
    {WORD("deviceAnnotations"), GUARD_DEVICE_ANNOTATIONS,
     "An annotation by which a container runtime or an NRI plug-in adds devices to "
     "containers, such as cdi.k8s.io/gpu."},
    {WORD("fractionAnnotations"), GUARD_FRACTION_ANNOTATIONS,
     "An annotation by which KAI or Run:ai gives a Pod a part of a GPU, which quotas do "
     "not count: gpu-fraction, gpu-memory, "
     "gpu-fraction-num-devices."},
    {WORD("severalSlicesInContainer"), GUARD_SEVERAL_SLICES,
     "More than one MIG slice of one profile in a container, of which CUDA would use only one."},
};

static const struct schema_word visible_words[] = {
    {WORD("refuse"), VISIBLE_DEVICES_REFUSE,
     "Nothing is set; whether the variable is refused is for visibleDevicesEnv in `deny` to say."},
    {WORD("void"), VISIBLE_DEVICES_VOID,
     "/mutate sets the variable to `void` in containers that ask for no accelerator, and /validate requires it."},
};

static const struct schema_field guard_exempt_fields[] = {
    {KEY("namespaces"), .type = FIELD_TEXTS, .form = FORM_NAMESPACE_GLOB, AT(doc_exempt, namespaces),
     .doc = "Namespaces; `*` stands for any text, `?` for one character."},
    EXEMPT_USERS,
};

static const struct schema_object guard_exempt_object = {.name = "an exemption",
							 .doc = "Pods that are exempt from this Guard.",
							 .size = sizeof(struct doc_exempt),
							 FIELDS(guard_exempt_fields)};

static const struct schema_field host_paths_fields[] = {
    {KEY("allow"), .type = FIELD_TEXTS, .flags = FIELD_REQUIRED, .form = FORM_HOST_PATH, AT(doc_host_paths, allow),
     .doc = "The paths that hostPath volumes may have, each with what lies below it. An empty list allows none."},
};

static const struct schema_object host_paths_object = {.name = "a list of host paths",
						       .doc = "Which hostPath volumes Pods may have.",
						       .size = sizeof(struct doc_host_paths),
						       FIELDS(host_paths_fields)};

static const struct schema_field claims_fields[] = {
    {KEY("classes"), .type = FIELD_TEXTS, .form = FORM_NAME_GLOB, AT(doc_claims, classes),
     .doc =
	 "The device classes that ResourceClaims and ResourceClaimTemplates may request, each with `*` and `?`. They "
	 "are checked when they are created. An empty list allows none."},
    {KEY("templates"), .type = FIELD_TEXTS, .form = FORM_NAME_GLOB, AT(doc_claims, templates),
     .doc =
	 "The ResourceClaimTemplates that Pods may name, each with `*` and `?`. Without `classes`, Pods may then name "
	 "no ResourceClaim, because nothing checks what it requests. An empty list allows none."},
    {KEY("adminAccess"), .type = FIELD_FLAG, AT(doc_claims, admin_access), .fallback = "false",
     .doc = "With `classes`: whether a claim may request devices that others use, by `adminAccess: true`."},
};

/* A list of what is allowed must be there, and `adminAccess` needs that of the classes. */
static const char claims_conditions[] = JSON({
	"anyOf" : [ {"required" : ["classes"]}, {"required" : ["templates"]} ],
	"if" : {"properties" : {"adminAccess" : {"const" : true}}, "required" : ["adminAccess"]},
	"then" : {"required" : ["classes"]}
});

static const struct schema_object claims_object = {.name = "a list of claims",
						   .doc = "Which claims of devices are allowed.",
						   .example = "{classes: [compute-domain-default-channel.nvidia.com]}",
						   .size = sizeof(struct doc_claims),
						   FIELDS(claims_fields),
						   .conditions = claims_conditions};

static const struct schema_field guard_fields[] = {
    {KEY("deny"), .type = FIELD_CHOICES, AT(doc_guard, deny), WORDS(schema_guard_words), .doc = "What is refused."},
    {KEY("visibleDevices"), .type = FIELD_CHOICE, AT(doc_guard, visible_devices), WORDS(visible_words),
     .fallback = "refuse",
     .doc = "What is done about variables such as NVIDIA_VISIBLE_DEVICES in containers that ask for no accelerator."},
    {KEY("hostPaths"), .type = FIELD_OBJECT, AT(doc_guard, host_paths), .object = &host_paths_object,
     .doc = "Refuse every hostPath volume but those listed here."},
    {KEY("resourceClaims"), .type = FIELD_OBJECT, AT(doc_guard, claims), .object = &claims_object,
     .doc = "Refuse every claim of devices (dynamic resource allocation) but those listed here."},
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_guard, enforcement), WORDS(schema_enforcement_words),
     .fallback = "deny",
     .doc = "What happens to what this Guard refuses; never stricter than Settings.enforcement. On audit the Guard "
	    "changes "
	    "nothing, either: `visibleDevices: void` sets no variable."},
    {KEY("exempt"), .type = FIELD_OBJECT, AT(doc_guard, exempt), .object = &guard_exempt_object,
     .doc = "Pods that this Guard leaves alone."},
};

/* A Guard must refuse something, and not allow claims that it refuses. */
static const char guard_conditions[] = JSON({
	"anyOf" : [
		{"properties" : {"deny" : {"minItems" : 1}}, "required" : ["deny"]}, {"required" : ["hostPaths"]},
		{"required" : ["resourceClaims"]},
		{"properties" : {"visibleDevices" : {"const" : "void"}}, "required" : ["visibleDevices"]}
	],
	"not" : {
		"properties" : {"deny" : {"contains" : {"const" : "resourceClaims"}}},
		"required" : [ "deny", "resourceClaims" ]
	}
});

static const struct schema_object guard_spec = {.name = "the spec of a Guard",
						.doc = "What is refused, and for whom it is not.",
						FIELDS(guard_fields),
						.conditions = guard_conditions};

static const struct schema_field guard_document[] = {HEADER, SPEC(&guard_spec)};

const struct schema_object schema_guard_object = {.name = "a Guard document",
						  .doc = "Refusals that are not quota: ways around it.",
						  .size = sizeof(struct doc_guard),
						  FIELDS(guard_document)};
