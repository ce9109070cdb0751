/*
 * schema_nvidia: what is read of the configurations of NVIDIA's device plugin and of mig-parted,
 * version v1 of both. Their other keys are ignored.
 */
#include "policy/document/config_read.h"
#include "policy/document/schema_parts.h"

/* It reads maps as Go does: keys in any case, but not those of a way of sharing and below it. */
#define PLUGIN "the device plugin"

static const struct schema_word version_words[] = {{WORD("v1"), 0, "The version that is read."}};

static const struct schema_word strategy_words[] = {
    {WORD("mixed"), MIG_MIXED, "Each profile has a resource name of its own."},
    {WORD("single"), MIG_SINGLE, "Slices appear as whole GPUs."},
    {WORD("none"), MIG_STRATEGY_NONE, "Slices are not advertised."},
};

static const struct schema_field flags_fields[] = {
    {KEY("migStrategy"), .type = FIELD_CHOICE, .flags = FIELD_NULLABLE, AT(doc_device_plugin, mig_strategy),
     WORDS(strategy_words), .doc = "Which resource names MIG slices have."},
};

static const struct schema_object flags_object = {.name = "the flags of the device plugin",
						  .doc = "Its command-line flags.",
						  FIELDS(flags_fields),
						  .any_case = true,
						  .lenient = true,
						  .foreign = PLUGIN};

static const struct schema_field replicated_fields[] = {
    {KEY("name"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_LABEL_KEY, AT(doc_replicated, name),
     .doc = "The resource that is shared."},
    {KEY("rename"), .type = FIELD_TEXT, .flags = FIELD_NULLABLE, .form = FORM_LABEL_KEY, AT(doc_replicated, rename),
     .doc = "Another name for the shares."},
    {KEY("replicas"), .type = FIELD_NUMBER, .flags = FIELD_REQUIRED | FIELD_YAML_1_1, AT(doc_replicated, replicas),
     .min = 1, .max = 65536, .doc = "Shares of one device."},
    {KEY("devices"), .type = FIELD_IGNORED, .doc = "The devices that are shared."},
};

static const struct schema_object replicated_object = {.name = "a shared resource",
						       .doc = "A resource that is offered several times.",
						       .size = sizeof(struct doc_replicated),
						       FIELDS(replicated_fields),
						       .lenient = true,
						       .foreign = PLUGIN};

static const struct schema_field replication_fields[] = {
    {KEY("renameByDefault"), .type = FIELD_FLAG, .flags = FIELD_NULLABLE | FIELD_YAML_1_1,
     AT(doc_replication, rename_by_default), .doc = "Whether shares have the suffix .shared."},
    {KEY("failRequestsGreaterThanOne"), .type = FIELD_FLAG, .flags = FIELD_NULLABLE | FIELD_YAML_1_1,
     AT(doc_replication, fail_above_one), .doc = "Whether a container that asks for several shares fails."},
    {KEY("resources"), .type = FIELD_OBJECTS, .flags = FIELD_REQUIRED | FIELD_FULL, AT(doc_replication, resources),
     .object = &replicated_object, .doc = "What is shared."},
};

static const struct schema_object replication_object = {.name = "a way of sharing",
							.doc = "Time-slicing or MPS.",
							.size = sizeof(struct doc_replication),
							FIELDS(replication_fields),
							.lenient = true,
							.foreign = PLUGIN};

static const struct schema_field sharing_fields[] = {
    {KEY("timeSlicing"), .type = FIELD_OBJECT, AT(doc_device_plugin, time_slicing), .object = &replication_object,
     .doc = "What is shared by time-slicing."},
    {KEY("mps"), .type = FIELD_OBJECT, AT(doc_device_plugin, mps), .object = &replication_object,
     .doc = "What is shared by MPS."},
};

static const struct schema_object sharing_object = {.name = "sharing",
						    .doc = "How GPUs are shared.",
						    FIELDS(sharing_fields),
						    .any_case = true,
						    .lenient = true,
						    .foreign = PLUGIN};

static const struct schema_field device_plugin_fields[] = {
    {KEY("version"), .type = FIELD_CHOICE, .flags = FIELD_NULLABLE, AT(doc_device_plugin, version),
     WORDS(version_words), .doc = "The version of the form."},
    {KEY("flags"), .type = FIELD_OBJECT, .flags = FIELD_INLINE | FIELD_NULLABLE, .object = &flags_object,
     .doc = "Its command-line flags."},
    {KEY("sharing"), .type = FIELD_OBJECT, .flags = FIELD_INLINE | FIELD_NULLABLE, .object = &sharing_object,
     .doc = "How GPUs are shared."},
    {KEY("resources"), .type = FIELD_IGNORED, .doc = "Names of resources, which the device plugin ignores."},
};

const struct schema_object schema_device_plugin_object = {.name = "a configuration of the device plugin",
							  .doc = "The configuration of NVIDIA's device plugin.",
							  .size = sizeof(struct doc_device_plugin),
							  FIELDS(device_plugin_fields),
							  .any_case = true,
							  .lenient = true,
							  .foreign = PLUGIN};

static const struct schema_field mig_parted_fields[] = {
    {KEY("version"), .type = FIELD_CHOICE, .flags = FIELD_REQUIRED, AT(config_mig_parted, version),
     WORDS(version_words), .doc = "The version of the form."},
    {KEY("mig-configs"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED,
     .doc = "Named layouts, read by config_read.c."},
};

const struct schema_object schema_mig_parted_object = {.name = "a configuration of mig-parted",
						       .doc = "The configuration of mig-parted.",
						       .size = sizeof(struct config_mig_parted),
						       FIELDS(mig_parted_fields),
						       .lenient = true,
						       .foreign = "mig-parted"};

static const struct schema_field mig_devices_fields[] = {
    {KEY("devices"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED, .doc = "The devices that are cut."},
    {KEY("device-filter"), .type = FIELD_IGNORED, .doc = "The models that are cut."},
    {KEY("mig-enabled"), .type = FIELD_FLAG, .flags = FIELD_REQUIRED, AT(config_mig_devices, enabled),
     .doc = "Whether the devices are cut."},
    {KEY("mig-devices"), .type = FIELD_IGNORED, .doc = "Profiles and how many of each."},
};

const struct schema_object schema_mig_devices_object = {.name = "an entry of a MIG configuration",
							.doc = "How some devices are cut.",
							.size = sizeof(struct config_mig_devices),
							FIELDS(mig_devices_fields),
							.lenient = true,
							.foreign = "mig-parted"};
