/* schema_accelerator: the tables of Accelerator documents. */
#include "policy/document/checks.h"
#include "policy/document/schema_parts.h"

static const struct schema_word strategy_words[] = {
    {WORD("mixed"), MIG_MIXED, "Each profile has a resource name of its own, such as nvidia.com/mig-1g.10gb."},
    {WORD("single"), MIG_SINGLE, "Slices appear under the Accelerator's own resource name."},
};

static const struct schema_word builtin_words[] = {
    {WORD("builtin"), 0, "The table that gpugate has for the model."},
};

static const struct schema_field profile_fields[] = {
    {KEY("name"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_PROFILE, AT(doc_profile, name),
     .doc = "The profile's name, such as 1g.10gb."},
    {KEY("computeSlices"), .type = FIELD_NUMBER, .flags = FIELD_REQUIRED, AT(doc_profile, compute_slices), .min = 1,
     .max = 64, .doc = "Compute slices that the profile takes."},
    {KEY("memorySlices"), .type = FIELD_NUMBER, .flags = FIELD_REQUIRED, AT(doc_profile, memory_slices), .min = 1,
     .max = 64, .doc = "Memory slices that the profile takes."},
    {KEY("memory"), .type = FIELD_AMOUNT, .flags = FIELD_POSITIVE, AT(doc_profile, memory),
     .doc = "Nominal memory in bytes, such as 10Gi. The default is read from the name: Ngb means N GiB."},
};

/* The name of a profile without `memory` must say its memory. */
static const char profile_conditions[] = JSON({
	"anyOf" : [
		{"required" : ["memory"]},
		{"properties" : {"name" : {"pattern" : "^([0-9]+c\\.)?[^.]*\\.0{0,5}[1-9][0-9]{0,5}gb"}}}
	]
});

static const struct schema_object profile_object = {.name = "a MIG profile",
						    .doc = "A slice that the device can be cut into.",
						    .size = sizeof(struct doc_profile),
						    FIELDS(profile_fields),
						    .check = check_profile,
						    .conditions = profile_conditions};

static const struct schema_field mig_fields[] = {
    {KEY("model"), .type = FIELD_TEXT, .form = FORM_NAME, AT(doc_mig, model),
     .doc = "The model whose built-in table of profiles is meant. The default is the Accelerator's name."},
    {KEY("profiles"), .type = FIELD_OBJECTS, .flags = FIELD_FULL | FIELD_UNIQUE, AT(doc_mig, profiles),
     .word_offset = offsetof(struct doc_mig, profiles_builtin), WORDS(builtin_words), .fallback = "builtin",
     .object = &profile_object, .doc = "The profiles of the device: the word `builtin`, or a list of one's own."},
    {KEY("computeSlices"), .type = FIELD_NUMBER, AT(doc_mig, compute_slices), .min = 1, .max = 64, .fallback = "7",
     .doc = "Compute slices of the whole device, for profiles of one's own."},
    {KEY("memorySlices"), .type = FIELD_NUMBER, AT(doc_mig, memory_slices), .min = 1, .max = 64, .fallback = "8",
     .doc = "Memory slices of the whole device, for profiles of one's own."},
    {KEY("offered"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_PROFILE, AT(doc_mig, offered),
     .doc =
	 "Names of the profiles that the fleet's MIG layout advertises. The default is every profile whose name has no "
	 "suffix such as +me, or what `offeredFrom` says."},
    {KEY("offeredFrom"), .type = FIELD_TEXT, .form = FORM_CONFIG_FILE, AT(doc_mig, offered_from),
     .doc =
	 "The file with mig-parted's configuration, from which `offered` is read: the path of a file of the policy "
	 "folder, relative to this one, such as nvidia/mig.yaml. `#` and a name, as in nvidia/mig.yaml#all-balanced, "
	 "choose one of its `mig-configs`; without it, all count."},
    {KEY("strategy"), .type = FIELD_CHOICE, AT(doc_mig, strategy), WORDS(strategy_words), .fallback = "mixed",
     .doc = "The device plugin's MIG strategy: which resource names the slices have."},
    {KEY("deviceClasses"), .type = FIELD_TEXT_MAP, .form = FORM_PROFILE, .key_form = FORM_NAME,
     AT(doc_mig, device_classes),
     .doc =
	 "Device classes (dynamic resource allocation) whose devices are slices of this model, each with the name of "
	 "the profile. A request for such a class counts like one for the slice. `any` instead of a name: the devices "
	 "are slices of any profile that is offered, and the selectors of a claim may say of which."},
};

static const struct schema_object mig_object = {.name = "a MIG layout",
						.doc = "How devices of this model are cut into slices.",
						.size = sizeof(struct doc_mig),
						FIELDS(mig_fields)};

static const struct schema_field sharing_fields[] = {
    {KEY("resource"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .unless = WORD("devicePluginConfig"),
     .form = FORM_LABEL_KEY, AT(doc_sharing, resource),
     .doc =
	 "The resource name of one share, such as nvidia.com/gpu.shared; the Accelerator's own name if shares are not "
	 "renamed. The name of one of its MIG slices, or that name and `.shared`, makes shares of that slice."},
    {KEY("replicas"), .type = FIELD_NUMBER, .flags = FIELD_REQUIRED, .unless = WORD("devicePluginConfig"),
     AT(doc_sharing, replicas), .min = 2, .max = 65536, .doc = "Shares that one device, or one slice, is offered as."},
    {KEY("maxPerContainer"), .type = FIELD_NUMBER, AT(doc_sharing, max_per_container), .min = 1, .max = 65536,
     .fallback = "1",
     .doc = "The most shares that one container may ask for. More than one share is seldom more of a device."},
    {KEY("devicePluginConfig"), .type = FIELD_TEXT, .form = FORM_CONFIG_FILE, AT(doc_sharing, device_plugin_config),
     .doc = "The file with the configuration of NVIDIA's device plugin, from which `resource` and `replicas` are read: "
	    "the "
	    "path of a file of the policy folder, relative to this one, such as nvidia/sharing.yaml. If the file is a "
	    "ConfigMap, `#` and a key of its data choose the configuration, as in nvidia/sharing.yaml#any."},
};

static const struct schema_object sharing_object = {.name = "sharing",
						    .doc =
							"How devices of this model are shared by time-slicing or MPS.",
						    .size = sizeof(struct doc_sharing),
						    FIELDS(sharing_fields)};

static const struct schema_field capacity_fields[] = {
    {KEY("deviceClasses"), .type = FIELD_TEXTS, .flags = FIELD_REQUIRED | FIELD_FULL, .form = FORM_NAME,
     AT(doc_capacity, device_classes),
     .doc = "Device classes whose devices are whole devices of this model, each of which the driver allocates several "
	    "times, by its capacity `memory`."},
    {KEY("step"), .type = FIELD_AMOUNT, .flags = FIELD_REQUIRED | FIELD_POSITIVE, AT(doc_capacity, step),
     .doc = "What a request for memory is rounded up to a multiple of, in bytes, such as 1Gi; at least what the driver "
	    "rounds it to. The memory of the Accelerator is a multiple of it, at most 65536 times."},
    {KEY("min"), .type = FIELD_AMOUNT, .flags = FIELD_POSITIVE, AT(doc_capacity, least),
     .doc = "The least memory that a request counts as, in bytes, such as 2Gi. The default is one step."},
};

static const struct schema_object capacity_object = {.name = "capacity",
						     .doc = "How claims share devices of this model by their memory.",
						     .size = sizeof(struct doc_capacity),
						     FIELDS(capacity_fields)};

static const struct schema_field accelerator_fields[] = {
    {KEY("resource"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_LABEL_KEY,
     AT(doc_accelerator, resource),
     .doc = "The resource name of a whole device, such as nvidia.com/gpu. Several Accelerators may have the same."},
    {KEY("memory"), .type = FIELD_AMOUNT, .flags = FIELD_POSITIVE, AT(doc_accelerator, memory),
     .doc = "Nominal memory of a whole device in bytes, such as 80Gi; at most 32Ti. The default is that of the "
	    "built-in MIG "
	    "table, where `mig` uses one."},
    {KEY("weight"), .type = FIELD_AMOUNT, .flags = FIELD_POSITIVE, AT(doc_accelerator, weight), .fallback = "1",
     .doc = "What one whole device counts in quotas that measure `gpus`, in GPU equivalents; at most 1000."},
    {KEY("nodeLabels"), .type = FIELD_TEXT_MAP, .form = FORM_LABEL_VALUE, .key_form = FORM_LABEL_KEY,
     AT(doc_accelerator, node_labels),
     .doc = "Labels by which nodes with this model are known, such as nvidia.com/gpu.product. A node is of one model "
	    "for each "
	    "resource name; one that carries the labels of two, where one's are a part of the other's, is of the model "
	    "with "
	    "more labels."},
    {KEY("withoutNodeLabels"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_LABEL_KEY,
     AT(doc_accelerator, without_node_labels),
     .doc = "Keys of labels that nodes with this model do not have, such as cloud.google.com/gke-spot, where only the "
	    "other "
	    "nodes are labeled."},
    {KEY("deviceClasses"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_NAME,
     AT(doc_accelerator, device_classes),
     .doc =
	 "Device classes (dynamic resource allocation) whose devices are whole devices of this model, such as "
	 "gpu.nvidia.com. A request for such a class, under the name deviceclass.resource.kubernetes.io/CLASS, counts "
	 "like one for `resource`."},
    {KEY("mig"), .type = FIELD_OBJECT, AT(doc_accelerator, mig), .object = &mig_object,
     .doc = "How devices of this model are cut into MIG slices, if they are."},
    {KEY("sharing"), .type = FIELD_OBJECT, AT(doc_accelerator, sharing), .object = &sharing_object,
     .doc = "How devices of this model are shared, if they are."},
    {KEY("capacity"), .type = FIELD_OBJECT, AT(doc_accelerator, capacity), .object = &capacity_object,
     .doc = "How claims (dynamic resource allocation) share devices of this model by their memory, if they do."},
};

/* Extended resources have a prefix. A `weight` that is not a number is not limited here. */
static const char accelerator_conditions[] =
    JSON({"allOf" : [ {"properties" : {"resource" : {"pattern" : "/"}, "weight" : {"maximum" : 1000}}} ]});

static const struct schema_object accelerator_spec = {.name = "the spec of an Accelerator",
						      .doc = "What the model is.",
						      FIELDS(accelerator_fields),
						      .conditions = accelerator_conditions};

static const struct schema_field accelerator_document[] = {HEADER, SPEC(&accelerator_spec)};

const struct schema_object schema_accelerator_object = {.name = "an Accelerator document",
							.doc =
							    "A model of GPU or other accelerator that the fleet has.",
							.size = sizeof(struct doc_accelerator),
							FIELDS(accelerator_document)};
