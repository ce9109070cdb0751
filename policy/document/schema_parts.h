/*
 * schema_parts: definitions that the tables of the kinds share: macros for rows, and words and
 * objects of several kinds.
 */
#ifndef POLICY_DOCUMENT_SCHEMA_PARTS_H
#define POLICY_DOCUMENT_SCHEMA_PARTS_H

#include "policy/document/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORD(text)                                                                                                     \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}
#define KEY(text) .key = {text, sizeof(text) - 1}
#define AT(type, member) .offset = offsetof(struct type, member)
#define WORDS(array) .words = (array), .word_count = COUNT(array)
/* Text that is written as JSON, for the conditions of an object. */
#define JSON(...) #__VA_ARGS__
#define FIELDS(array) .fields = (array), .field_count = COUNT(array)

/* Defined in schema_common.c. */
extern const struct schema_word schema_enforcement_words[3];
extern const struct schema_object schema_selector_object, schema_annotation_selector_object, schema_metadata_object;

/* Each is defined in the file of its kind: schema_settings.c and so on. */
extern const struct schema_object schema_settings_object, schema_accelerator_object, schema_tenant_object,
    schema_rule_object, schema_guard_object, schema_workload_object, schema_namespace_object;

/* The kinds of which the program knows the paths; each value is an enum shipped_workload. */
extern const struct schema_word schema_workload_words[SHIPPED_WORKLOADS];

/* Configurations of other programs, which Accelerators name. Defined in schema_nvidia.c. */
extern const struct schema_object schema_device_plugin_object, schema_mig_parted_object, schema_mig_devices_object;

/* The fields of an exemption that Settings and Guards share. */
#define EXEMPT_USERS                                                                                                   \
	{KEY("users"), .type = FIELD_TEXTS, .form = FORM_USER_GLOB, AT(doc_exempt, users),                             \
	 .doc = "Users, such as `system:serviceaccount:gpu-operator:*`; `*` stands for any text, `?` for one "         \
		"character. The user is the direct "                                                                   \
		"creator of the Pod, which for workloads is a controller."},                                           \
	{                                                                                                              \
		KEY("groups"),                                                                                         \
		    .type = FIELD_TEXTS, .form = FORM_USER_GLOB, AT(doc_exempt, groups),                               \
		    .doc = "Groups of the Pod's direct creator; `*` stands for any text, `?` for one character."       \
	}

/* The fields of a document except its spec. */
#define HEADER                                                                                                         \
	{KEY("apiVersion"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED, .doc = "Always gpugate.io/v1."},           \
	    {KEY("kind"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED, .doc = "The document's kind."},              \
	{                                                                                                              \
		KEY("metadata"), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED | FIELD_INLINE,                         \
				 .object = &schema_metadata_object, .doc = "What the document is called."              \
	}

#define SPEC(spec_object)                                                                                              \
	{                                                                                                              \
		KEY("spec"), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED | FIELD_INLINE, .object = (spec_object),    \
			     .doc = "What the document says."                                                          \
	}

#endif
