/* schema_tenant: the tables of Tenant documents. */
#include "policy/document/schema_parts.h"

static const struct schema_word measure_words[] = {
    {WORD("count"), MEASURE_COUNT, "Devices of the named resources."},
    {WORD("gpus"), MEASURE_GPUS,
     "GPU equivalents: of a MIG slice the larger of its shares of compute and memory, of a share 1/replicas."},
    {WORD("memory"), MEASURE_MEMORY, "Nominal device memory in bytes; of a share memory/replicas."},
};

static const struct schema_field quota_fields[] = {
    {KEY("name"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_NAME, AT(doc_quota, name),
     .doc = "The quota's name, unique in its Tenant; refusals call it by this name."},
    {KEY("measure"), .type = FIELD_CHOICE, AT(doc_quota, measure), WORDS(measure_words), .fallback = "count",
     .doc = "What is counted."},
    {KEY("resources"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_RESOURCE_GLOB, AT(doc_quota, resources),
     .doc = "Resource names that the quota counts; `*` stands for any text, `?` for one character. The default is "
	    "every accelerator resource."},
    {KEY("accelerators"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_NAME, AT(doc_quota, accelerators),
     .doc =
	 "Names of the Accelerators that the quota counts. The default is all. A Pod counts if any model that it could "
	 "land on is named."},
    {KEY("hard"), .type = FIELD_AMOUNT, .flags = FIELD_REQUIRED | FIELD_UNLIMITED, AT(doc_quota, hard),
     .doc =
	 "The most that may be in use at one time: devices, GPU equivalents or bytes, as `measure` says; or the word "
	 "`unlimited`."},
};

static const struct schema_object quota_object = {.name = "a quota",
						  .doc = "A limit on what the Tenant's Pods hold together.",
						  .size = sizeof(struct doc_quota),
						  FIELDS(quota_fields)};

static const struct schema_field borrowing_fields[] = {
    {KEY("borrowUpTo"), .type = FIELD_AMOUNT, AT(doc_borrowing, borrow),
     .doc = "The most that the Tenant may hold above the quota's own `hard`, in the quota's measure. The default is 0: "
	    "nothing."},
    {KEY("lendUpTo"), .type = FIELD_AMOUNT, AT(doc_borrowing, lend),
     .doc = "The most of the quota's `hard` that others may use while it is free, in the quota's measure; the rest is "
	    "kept for the Tenant. The default is all of `hard`."},
};

static const struct schema_object borrowing_object = {.name = "an entry of borrowing",
						      .doc = "What one quota may borrow and lend.",
						      .example = "{borrowUpTo: 2}",
						      .size = sizeof(struct doc_borrowing),
						      FIELDS(borrowing_fields)};

static const struct schema_word early_answer_words[] = {
    {WORD("warn"), EARLY_ANSWER_WARN,
     "The workload is admitted, and a warning says if its Pods would be refused, or how many of them fit now."},
    {WORD("deny"), EARLY_ANSWER_DENY,
     "The same, but a workload is refused if Pods of any of its groups would be refused "
     "whatever is free."},
    {WORD("off"), EARLY_ANSWER_OFF, "Nothing is said about workloads."},
};

static const struct schema_field tenant_fields[] = {
    {KEY("parent"), .type = FIELD_TEXT, .form = FORM_NAME, AT(doc_tenant, parent),
     .doc = "The Tenant above this one: what this one uses counts against every ancestor as well."},
    {KEY("namespaces"), .type = FIELD_TEXTS, .form = FORM_NAMESPACE_GLOB, AT(doc_tenant, namespaces),
     .doc = "Names of the Tenant's namespaces; `*` stands for any text, `?` for one character. An exact name beats the "
	    "longest name with `*`, "
	    "which beats a selector."},
    {KEY("namespaceSelector"), .type = FIELD_OBJECT, AT(doc_tenant, namespace_selector),
     .object = &schema_selector_object, .doc = "Labels by which the Tenant's namespaces are known."},
    {KEY("quotas"), .type = FIELD_OBJECTS, AT(doc_tenant, quotas), .object = &quota_object,
     .doc = "The Tenant's limits; a Pod must keep within every one that counts it."},
    {KEY("cohort"), .type = FIELD_TEXT, .form = FORM_NAME, AT(doc_tenant, cohort),
     .doc = "The cohort that the Tenant is in: Tenants that name the same one lend to each other what their quotas of "
	    "one name leave free."},
    {KEY("borrowing"), .type = FIELD_OBJECT_MAP, .flags = FIELD_FULL, .key_form = FORM_NAME, AT(doc_tenant, borrowing),
     .object = &borrowing_object,
     .doc = "How much the Tenant's quotas borrow from its cohort and lend to it, by the quota's name."},
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_tenant, enforcement), WORDS(schema_enforcement_words),
     .fallback = "deny", .doc = "What happens when one of this Tenant's quotas would be exceeded."},
    {KEY("earlyAnswer"), .type = FIELD_CHOICE, AT(doc_tenant, early_answer), WORDS(early_answer_words),
     .fallback = "warn",
     .doc =
	 "What happens when a workload is created or changed whose Pods would be refused. Only Pods hold quota. "
	 "`deny` judges the Pod template as it is written, so do not use it where other webhooks or controllers change "
	 "Pods, such as Kueue, PodNodeSelector, or a LimitRange."},
};

/* Only a cohort can lend, and an empty selector would claim every namespace. */
static const char tenant_conditions[] = JSON({
	"allOf" : [
		{"if" : {"required" : ["borrowing"]}, "then" : {"required" : ["cohort"]}}, {
			"properties" : {
				"namespaceSelector" : {
					"anyOf" : [
						{
							"properties" : {"matchLabels" : {"minProperties" : 1}},
							"required" : ["matchLabels"]
						},
						{
							"properties" : {"matchExpressions" : {"minItems" : 1}},
							"required" : ["matchExpressions"]
						}
					]
				}
			}
		}
	]
});

static const struct schema_object tenant_spec = {.name = "the spec of a Tenant",
						 .doc = "Which namespaces the Tenant has and what they may hold.",
						 FIELDS(tenant_fields),
						 .conditions = tenant_conditions};

static const struct schema_field tenant_document[] = {HEADER, SPEC(&tenant_spec)};

const struct schema_object schema_tenant_object = {.name = "a Tenant document",
						   .doc = "A team: its namespaces and its quotas.",
						   .size = sizeof(struct doc_tenant),
						   FIELDS(tenant_document)};
