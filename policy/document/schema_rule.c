/* schema_rule: the tables of Rule documents. */
#include "policy/document/checks.h"
#include "policy/document/schema_parts.h"

static const struct schema_word rule_enforcement_words[] = {
    {WORD("deny"), ENFORCEMENT_DENY, "The Rule acts, and refuses the Pods that it cannot act on."},
    {WORD("warn"), ENFORCEMENT_WARN,
     "The Rule changes and refuses nothing; who creates a Pod gets a warning that says what it would do."},
    {WORD("audit"), ENFORCEMENT_AUDIT,
     "The Rule changes and refuses nothing; the log, the audit annotations and the metrics say what it would do."},
};

static const struct schema_word conflict_words[] = {
    {WORD("deny"), CONFLICT_DENY, "The Pod is refused, and the message names both values."},
    {WORD("keep"), CONFLICT_KEEP, "The Pod's own value stays."},
    {WORD("override"), CONFLICT_OVERRIDE, "The Rule's value replaces the Pod's."},
};

static const struct schema_word gang_words[] = {
    {WORD("allOrNothing"), 0, "A Pod is admitted only if all Pods of its group that are still to come fit with it."},
};

static const struct schema_word toleration_words[] = {
    {WORD("Equal"), TOLERATION_EQUAL, "The taint's value must equal `value`."},
    {WORD("Exists"), TOLERATION_EXISTS, "Any value of the taint is tolerated."},
};

static const struct schema_word effect_words[] = {
    {WORD("NoSchedule"), EFFECT_NO_SCHEDULE, "Pods are not scheduled onto the node."},
    {WORD("PreferNoSchedule"), EFFECT_PREFER_NO_SCHEDULE, "Pods are scheduled elsewhere if possible."},
    {WORD("NoExecute"), EFFECT_NO_EXECUTE, "Running Pods are evicted as well."},
};

static const struct schema_field range_fields[] = {
    {KEY("min"), .type = FIELD_NUMBER, AT(doc_range, min), .min = 1, .max = INT32_MAX, .fallback = "1",
     .doc = "The least that the Pod asks for, in devices."},
    {KEY("max"), .type = FIELD_NUMBER, AT(doc_range, max), .min = 1, .max = INT32_MAX,
     .doc = "The most that the Pod asks for, in devices. The default is no bound."},
};

static const struct schema_object range_object = {.name = "a range",
						  .doc = "Bounds of what a Pod asks for.",
						  .example = "{min: 1, max: 1}",
						  .size = sizeof(struct doc_range),
						  FIELDS(range_fields)};

static const struct schema_field match_fields[] = {
    {KEY("tenants"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_NAME, AT(doc_match, tenants),
     .doc = "Tenants: the Pod's namespace belongs to one of them, or to a Tenant below one of them."},
    {KEY("namespaces"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_NAMESPACE_GLOB,
     AT(doc_match, namespaces),
     .doc = "Namespaces, one of which is the Pod's; `*` stands for any text, `?` for one character."},
    {KEY("namespaceSelector"), .type = FIELD_OBJECT, AT(doc_match, namespace_selector),
     .object = &schema_selector_object, .doc = "Labels of the Pod's namespace."},
    {KEY("podSelector"), .type = FIELD_OBJECT, AT(doc_match, pod_selector), .object = &schema_selector_object,
     .doc = "Labels of the Pod."},
    {KEY("annotationSelector"), .type = FIELD_OBJECT, AT(doc_match, annotation_selector),
     .object = &schema_annotation_selector_object,
     .doc = "Annotations of the Pod, in the grammar of `podSelector`; the values may be any text."},
    {KEY("requests"), .type = FIELD_OBJECT_MAP, .flags = FIELD_FULL, .key_form = FORM_LABEL_KEY,
     AT(doc_match, requests), .object = &range_object,
     .doc = "What the Pod asks for, with bounds, by resource name. The Pod's effective request is compared."},
};

static const struct schema_object match_object = {.name = "match",
						  .doc = "Which Pods the Rule is for: all given keys must hold.",
						  .size = sizeof(struct doc_match),
						  FIELDS(match_fields)};

static const struct schema_field to_mig_fields[] = {
    {KEY("accelerator"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_NAME, AT(doc_to_mig, accelerator),
     .doc = "The Accelerator of whose profiles one is chosen."},
    {KEY("memoryFrom"), .type = FIELD_TEXT, .form = FORM_MEMORY_SOURCE, AT(doc_to_mig, memory_from),
     .doc = "Where the Pod says how much memory it needs for each GPU asked: annotation:KEY or label:KEY."},
    {KEY("default"), .type = FIELD_AMOUNT, .flags = FIELD_POSITIVE, AT(doc_to_mig, default_memory),
     .doc = "Memory in bytes for each GPU asked, such as 10Gi, where the Pod does not say."},
    {KEY("pin"), .type = FIELD_FLAG, AT(doc_to_mig, pin), .fallback = "false",
     .doc =
	 "Also inject the Accelerator's nodeLabels as node selector, since one MIG name can be two different slices."},
};

/* Something must say how much memory is needed. */
static const char to_mig_conditions[] = JSON({"anyOf" : [ {"required" : ["memoryFrom"]}, {"required" : ["default"]} ]});

static const struct schema_object to_mig_object = {
    .name = "a choice of profile",
    .doc = "Rewrite to the MIG profile of least memory that covers what the Pod needs.",
    .size = sizeof(struct doc_to_mig),
    FIELDS(to_mig_fields),
    .conditions = to_mig_conditions};

static const struct schema_field to_claim_fields[] = {
    {KEY("template"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_NAME, AT(doc_to_claim, template),
     .doc = "The ResourceClaimTemplate in the Pod's namespace, from which Kubernetes generates each claim."},
    {KEY("count"), .type = FIELD_NUMBER, AT(doc_to_claim, count), .min = 1, .max = 65536, .fallback = "1",
     .doc = "How many of `from` one claim from the template is for. A Pod in which a container asks for another "
	    "number keeps what it asked for."},
};

static const struct schema_object to_claim_object = {.name = "a claim from a template",
						     .doc = "Request a claim of devices instead of the resource.",
						     .example = "{template: one-gpu}",
						     .size = sizeof(struct doc_to_claim),
						     FIELDS(to_claim_fields)};

static const struct schema_field rewrite_fields[] = {
    {KEY("from"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_LABEL_KEY, AT(doc_rewrite, from),
     .doc = "The resource name that is replaced in requests and limits."},
    {KEY("to"), .type = FIELD_TEXT, .form = FORM_LABEL_KEY, AT(doc_rewrite, to),
     .doc = "The resource name that replaces it. Exactly one of `to`, `toMig` and `toClaim` is given."},
    {KEY("toMig"), .type = FIELD_OBJECT, AT(doc_rewrite, to_mig), .object = &to_mig_object,
     .doc = "Choose a MIG profile by memory. Exactly one of `to`, `toMig` and `toClaim` is given."},
    {KEY("toClaim"), .type = FIELD_OBJECT, AT(doc_rewrite, to_claim), .object = &to_claim_object,
     .doc = "Use a claim from a template instead. Exactly one of `to`, `toMig` and `toClaim` is given."},
    {KEY("maxPerContainer"), .type = FIELD_NUMBER, AT(doc_rewrite, max_per_container), .min = 1, .max = 65536,
     .doc = "The most that a container may ask of `from`: a Pod in which a container asks for more keeps what it asked "
	    "for. The default is 1 where the target is a MIG slice or a share, else no bound. Not with `toClaim`."},
};

/* Exactly one target. */
static const char rewrite_conditions[] = JSON({
	"oneOf" : [
		{"required" : ["to"]}, {"required" : ["toMig"]},
		{"required" : ["toClaim"], "not" : {"required" : ["maxPerContainer"]}}
	]
});

static const struct schema_object rewrite_object = {.name = "a rewrite",
						    .doc = "A change of a resource's name, or to a claim.",
						    .size = sizeof(struct doc_rewrite),
						    FIELDS(rewrite_fields),
						    .conditions = rewrite_conditions};

static const struct schema_field toleration_fields[] = {
    {KEY("key"), .type = FIELD_TEXT, .form = FORM_LABEL_KEY, AT(doc_toleration, key),
     .doc = "The taint's key. Without one, and with the operator Exists, every taint is tolerated."},
    {KEY("operator"), .type = FIELD_CHOICE, AT(doc_toleration, op), WORDS(toleration_words), .fallback = "Equal",
     .doc = "How the taint's value is compared."},
    {KEY("value"), .type = FIELD_TEXT, .form = FORM_LABEL_VALUE, AT(doc_toleration, value),
     .doc = "The taint's value; only with the operator Equal."},
    {KEY("effect"), .type = FIELD_CHOICE, AT(doc_toleration, effect), WORDS(effect_words),
     .doc = "The taint's effect. The default is every effect."},
    {KEY("tolerationSeconds"), .type = FIELD_NUMBER, AT(doc_toleration, seconds), .min = 0, .max = INT32_MAX,
     .doc = "How long the taint is tolerated, in seconds; only with the effect NoExecute. The default is for ever."},
};

/* As Kubernetes requires. */
static const char toleration_conditions[] = JSON({
	"allOf" : [
		{
			"if" : {"required" : ["tolerationSeconds"]},
			"then" : {"properties" : {"effect" : {"const" : "NoExecute"}}, "required" : ["effect"]}
		},
		{
			"if" : {"properties" : {"operator" : {"const" : "Exists"}}, "required" : ["operator"]},
			"then" : {"properties" : {"value" : {"maxLength" : 0}}},
			"else" : {"required" : ["key"]}
		}
	]
});

static const struct schema_object toleration_object = {.name = "a toleration",
						       .doc = "A toleration as Pods have them.",
						       .size = sizeof(struct doc_toleration),
						       FIELDS(toleration_fields),
						       .check = check_toleration,
						       .conditions = toleration_conditions};

static const struct schema_field inject_fields[] = {
    {KEY("nodeSelector"), .type = FIELD_TEXT_MAP, .form = FORM_LABEL_VALUE, .key_form = FORM_LABEL_KEY,
     AT(doc_inject, node_selector), .doc = "Labels added to the Pod's node selector."},
    {KEY("tolerations"), .type = FIELD_OBJECTS, AT(doc_inject, tolerations), .object = &toleration_object,
     .doc = "Tolerations added to the Pod's."},
    {KEY("runtimeClassName"), .type = FIELD_TEXT, .form = FORM_NAME, AT(doc_inject, runtime_class),
     .doc = "The runtime class that the Pod gets."},
};

static const struct schema_object inject_object = {
    .name = "inject", .doc = "What is added to the Pod.", .size = sizeof(struct doc_inject), FIELDS(inject_fields)};

static const struct schema_field rule_fields[] = {
    {KEY("order"), .type = FIELD_NUMBER, AT(doc_rule, order), .min = -1000000, .max = 1000000, .fallback = "1000",
     .doc = "Rules apply from the lowest order to the highest, ties by name."},
    {KEY("match"), .type = FIELD_OBJECT, AT(doc_rule, match), .object = &match_object,
     .doc = "Which Pods the Rule is for. The default is every Pod that is not exempt."},
    {KEY("rewrite"), .type = FIELD_OBJECTS, .flags = FIELD_FULL, AT(doc_rule, rewrite), .object = &rewrite_object,
     .doc = "Resource names that are replaced."},
    {KEY("inject"), .type = FIELD_OBJECT, AT(doc_rule, inject), .object = &inject_object,
     .doc = "What is added to the Pod."},
    {KEY("gangs"), .type = FIELD_CHOICE, AT(doc_rule, gangs), WORDS(gang_words),
     .doc = "How the Pods of a group, such as those of one Job, are admitted. The default is each alone."},
    {KEY("gangSeconds"), .type = FIELD_NUMBER, AT(doc_rule, gang_seconds), .min = 10, .max = 86400, .fallback = "300",
     .doc =
	 "How long quota is reserved for the Pods of a group that are still to come, in seconds. It begins again with "
	 "each of them. Only with `gangs`."},
    {KEY("onConflict"), .type = FIELD_CHOICE, AT(doc_rule, on_conflict), WORDS(conflict_words), .fallback = "deny",
     .doc = "What happens where the Pod itself set something that the Rule would inject otherwise."},
    {KEY("required"), .type = FIELD_FLAG, AT(doc_rule, required), .fallback = "false",
     .doc = "Refuse at /validate every Pod to which this Rule would still do something."},
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_rule, enforcement), WORDS(rule_enforcement_words),
     .fallback = "deny", .doc = "Whether the Rule acts, or only says what it would do."},
};

/* A Rule must do something. */
static const char rule_conditions[] = JSON({
	"if" : {"required" : ["gangSeconds"]},
	"then" : {"required" : ["gangs"]},
	"anyOf" : [
		{"required" : ["rewrite"]}, {"required" : ["gangs"]}, {
			"properties" : {
				"inject" : {
					"anyOf" : [
						{
							"properties" : {"nodeSelector" : {"minProperties" : 1}},
							"required" : ["nodeSelector"]
						},
						{
							"properties" : {"tolerations" : {"minItems" : 1}},
							"required" : ["tolerations"]
						},
						{"required" : ["runtimeClassName"]}
					]
				}
			},
			"required" : ["inject"]
		}
	]
});

static const struct schema_object rule_spec = {.name = "the spec of a Rule",
					       .doc = "Which Pods the Rule is for, and what it does.",
					       FIELDS(rule_fields),
					       .conditions = rule_conditions};

static const struct schema_field rule_document[] = {HEADER, SPEC(&rule_spec)};

const struct schema_object schema_rule_object = {
    .name = "a Rule document",
    .doc = "A change that /mutate makes to Pods, or a condition for a group of them.",
    .size = sizeof(struct doc_rule),
    FIELDS(rule_document)};
