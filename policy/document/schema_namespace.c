/* schema_namespace: the tables of v1 Namespaces. */
#include "policy/document/schema_parts.h"

static const struct schema_field namespace_metadata_fields[] = {
    {KEY("name"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_NAME, AT(doc_namespace, name),
     .doc = "The namespace's name."},
    {KEY("labels"), .type = FIELD_TEXT_MAP, .flags = FIELD_NULLABLE, .form = FORM_LABEL_VALUE,
     .key_form = FORM_LABEL_KEY, AT(doc_namespace, labels), .doc = "The labels that namespace selectors look at."},
};

static const struct schema_object namespace_metadata_object = {
    .name = "metadata", .doc = "The namespace's name and labels.", FIELDS(namespace_metadata_fields), .lenient = true};

static const struct schema_field namespace_document[] = {
    {KEY("apiVersion"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED, .doc = "Always v1."},
    {KEY("kind"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED, .doc = "Always Namespace."},
    {KEY("metadata"), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED | FIELD_INLINE,
     .object = &namespace_metadata_object, .doc = "The namespace's name and labels."},
};

const struct schema_object schema_namespace_object = {.name = "a Namespace",
						      .doc = "A Kubernetes Namespace, read for its labels.",
						      .size = sizeof(struct doc_namespace),
						      FIELDS(namespace_document),
						      .lenient = true};
