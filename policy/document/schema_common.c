/* schema_common: words and objects that several kinds of documents share. */
#include "policy/document/checks.h"
#include "policy/document/schema_parts.h"

const struct schema_word schema_enforcement_words[] = {
    {WORD("deny"), ENFORCEMENT_DENY, "The request is refused."},
    {WORD("warn"), ENFORCEMENT_WARN, "The request is admitted, and its sender gets a warning."},
    {WORD("audit"), ENFORCEMENT_AUDIT, "The request is admitted; only the log and the audit annotations record it."},
};

static const struct schema_word selector_words[] = {
    {WORD("In"), SELECTOR_IN, "It has one of the values."},
    {WORD("NotIn"), SELECTOR_NOT_IN, "It has none of the values, or is absent."},
    {WORD("Exists"), SELECTOR_EXISTS, "It is there."},
    {WORD("DoesNotExist"), SELECTOR_DOES_NOT_EXIST, "It is absent."},
};

/* The operators that need values, and those that take none. */
static const char expression_conditions[] = JSON({
	"allOf" : [
		{
			"if" : {"properties" : {"operator" : {"enum" : [ "In", "NotIn" ]}}, "required" : ["operator"]},
			"then" : {"properties" : {"values" : {"minItems" : 1}}, "required" : ["values"]}
		},
		{
			"if" : {
				"properties" : {"operator" : {"enum" : [ "Exists", "DoesNotExist" ]}},
				"required" : ["operator"]
			},
			"then" : {"properties" : {"values" : {"maxItems" : 0}}}
		}
	]
});

static const struct schema_field expression_fields[] = {
    {KEY("key"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_LABEL_KEY, AT(doc_expression, key),
     .doc = "The label that is looked at."},
    {KEY("operator"), .type = FIELD_CHOICE, .flags = FIELD_REQUIRED, AT(doc_expression, op), WORDS(selector_words),
     .doc = "How the label is compared."},
    {KEY("values"), .type = FIELD_TEXTS, .form = FORM_LABEL_VALUE, AT(doc_expression, values),
     .doc = "The values to compare with: at least one for In and NotIn, none for Exists and DoesNotExist."},
};

static const struct schema_object expression_object = {.name = "an expression",
						       .doc = "One condition on a label.",
						       .size = sizeof(struct doc_expression),
						       FIELDS(expression_fields),
						       .check = check_expression,
						       .conditions = expression_conditions};

static const struct schema_field selector_fields[] = {
    {KEY("matchLabels"), .type = FIELD_TEXT_MAP, .form = FORM_LABEL_VALUE, .key_form = FORM_LABEL_KEY,
     AT(doc_selector, match_labels), .doc = "Labels that must all be there with these values."},
    {KEY("matchExpressions"), .type = FIELD_OBJECTS, AT(doc_selector, match_expressions), .object = &expression_object,
     .doc = "Further conditions, which must all hold."},
};

const struct schema_object schema_selector_object = {.name = "a label selector",
						     .doc = "Kubernetes' label selector: all its conditions must hold.",
						     .size = sizeof(struct doc_selector),
						     FIELDS(selector_fields)};

/* A selector of annotations, whose values are free text. */
static const struct schema_field annotation_expression_fields[] = {
    {KEY("key"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_LABEL_KEY, AT(doc_expression, key),
     .doc = "The annotation that is looked at."},
    {KEY("operator"), .type = FIELD_CHOICE, .flags = FIELD_REQUIRED, AT(doc_expression, op), WORDS(selector_words),
     .doc = "How the annotation is compared."},
    {KEY("values"), .type = FIELD_TEXTS, .form = FORM_ANNOTATION_VALUE, AT(doc_expression, values),
     .doc = "The values to compare with: at least one for In and NotIn, none for Exists and DoesNotExist."},
};

static const struct schema_object annotation_expression_object = {.name = "an expression",
								  .doc = "One condition on an annotation.",
								  .size = sizeof(struct doc_expression),
								  FIELDS(annotation_expression_fields),
								  .check = check_expression,
								  .conditions = expression_conditions};

static const struct schema_field annotation_selector_fields[] = {
    {KEY("matchLabels"), .type = FIELD_TEXT_MAP, .form = FORM_ANNOTATION_VALUE, .key_form = FORM_LABEL_KEY,
     AT(doc_selector, match_labels), .doc = "Annotations that must all be there with these values."},
    {KEY("matchExpressions"), .type = FIELD_OBJECTS, AT(doc_selector, match_expressions),
     .object = &annotation_expression_object, .doc = "Further conditions, which must all hold."},
};

const struct schema_object schema_annotation_selector_object = {
    .name = "an annotation selector",
    .doc = "Conditions on annotations, written as a label selector: all of them must hold.",
    .size = sizeof(struct doc_selector),
    FIELDS(annotation_selector_fields)};

/* The name has the same offset in the struct of every kind. */
_Static_assert(offsetof(struct doc_settings, name) == offsetof(struct doc_accelerator, name) &&
		   offsetof(struct doc_settings, name) == offsetof(struct doc_tenant, name) &&
		   offsetof(struct doc_settings, name) == offsetof(struct doc_rule, name) &&
		   offsetof(struct doc_settings, name) == offsetof(struct doc_guard, name) &&
		   offsetof(struct doc_settings, name) == offsetof(struct doc_namespace, name),
	       "metadata_fields serve every kind");

static const struct schema_field metadata_fields[] = {
    {KEY("name"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_NAME, AT(doc_settings, name),
     .doc = "The document's name, unique among the documents of its kind. Messages and metrics call it by this name."},
    {KEY("labels"), .type = FIELD_IGNORED, .doc = "Labels for other tools; gpugate ignores them."},
    {KEY("annotations"), .type = FIELD_IGNORED, .doc = "Annotations for other tools; gpugate ignores them."},
};

const struct schema_object schema_metadata_object = {
    .name = "metadata", .doc = "What the document is called.", FIELDS(metadata_fields)};
