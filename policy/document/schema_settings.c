/* schema_settings: the tables of Settings documents. */
#include "policy/document/schema_parts.h"

static const struct schema_word coverage_words[] = {
    {WORD("deny"), ENFORCEMENT_DENY, "The Pod is refused."},
    {WORD("warn"), ENFORCEMENT_WARN, "The Pod is admitted, and its sender gets a warning."},
    {WORD("audit"), ENFORCEMENT_AUDIT, "The Pod is admitted; only the log and the audit annotations record it."},
    {WORD("allow"), ENFORCEMENT_ALLOW, "The Pod is admitted silently."},
};

static const struct schema_word outage_words[] = {
    {WORD("deny"), ENFORCEMENT_DENY, "Accelerator Pods are asked to try again later."},
    {WORD("allow"), ENFORCEMENT_ALLOW, "Accelerator Pods are admitted uncounted, so a quota can be exceeded."},
};

static const struct schema_word charge_words[] = {
    {WORD("asRequested"), CLAIM_CHARGE_REQUESTED,
     "A claim counts as what it requests for as long as it exists: by the most expensive of its alternatives, and "
     "`All` as 32 devices."},
    {WORD("asAllocated"), CLAIM_CHARGE_ALLOCATED,
     "A claim counts as what it has been given while it is allocated, and otherwise as what it requests. A quota can "
     "be exceeded by claims that are released, until they are gone or allocated again."},
};

static const struct schema_word never_words[] = {
    {WORD("never"), 0, "A Pod counts until it is gone from the cluster, however long that takes."},
};

static const struct schema_word failure_words[] = {
    {WORD("Ignore"), FAILURE_POLICY_IGNORE, "Pods are admitted unseen; a view of the cluster still counts them."},
    {WORD("Fail"), FAILURE_POLICY_FAIL,
     "Pods are refused until gpugate answers again, those without accelerators as well."},
};

static const struct schema_word quota_failure_words[] = {
    {WORD("Fail"), FAILURE_POLICY_FAIL, "Pods that ask for accelerators are refused until gpugate answers again."},
    {WORD("Ignore"), FAILURE_POLICY_IGNORE,
     "They are admitted unseen, so a quota can be exceeded; a view of the cluster counts them afterwards."},
};

static const struct schema_field settings_exempt_fields[] = {
    {KEY("namespaces"), .type = FIELD_TEXTS, .form = FORM_NAMESPACE_GLOB, AT(doc_exempt, namespaces),
     .fallback = "kube-system", .doc = "Namespaces; `*` stands for any text, `?` for one character."},
    EXEMPT_USERS,
};

static const struct schema_object settings_exempt_object = {
    .name = "an exemption",
    .doc = "Pods that are exempt from Rules, Guards and quotas alike.",
    .size = sizeof(struct doc_exempt),
    FIELDS(settings_exempt_fields)};

static const struct schema_field settings_fields[] = {
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_settings, enforcement), WORDS(schema_enforcement_words),
     .fallback = "deny",
     .doc = "The strictest enforcement in the cluster: no quota, Guard or Rule is enforced more strictly than this "
	    "says. A "
	    "first installation starts with audit."},
    {KEY("untenanted"), .type = FIELD_CHOICE, AT(doc_settings, untenanted), WORDS(coverage_words), .fallback = "deny",
     .doc = "What happens to accelerator Pods in a namespace that belongs to no Tenant."},
    {KEY("uncovered"), .type = FIELD_CHOICE, AT(doc_settings, uncovered), WORDS(coverage_words), .fallback = "deny",
     .doc = "What happens to Pods that ask for an accelerator resource which no quota of their Tenant or its ancestors "
	    "covers."},
    {KEY("unknownResources"), .type = FIELD_CHOICE, AT(doc_settings, unknown_resources), WORDS(coverage_words),
     .fallback = "warn",
     .doc =
	 "What happens to Pods that ask for an extended resource unknown to Accelerators, `otherResources` and the "
	 "built-in table of resource names. No quota counts it. Likewise, what happens to Pods and claims that ask for "
	 "a device class of no Accelerator, which counts as a whole device."},
    {KEY("otherResources"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_RESOURCE_GLOB,
     AT(doc_settings, other_resources),
     .doc = "Resource names that are no accelerators, whatever the built-in table says; `*` stands for any text, `?` "
	    "for one "
	    "character. They may not match a resource of an Accelerator."},
    {KEY("onOutage"), .type = FIELD_CHOICE, AT(doc_settings, on_outage), WORDS(outage_words), .fallback = "deny",
     .doc = "What happens to accelerator Pods while the ledger of charges cannot be read or written, or the embedded "
	    "one is full. Likewise to Pods that request a name which nobody knows, or only a pattern of "
	    "otherResources, while not all DeviceClasses are known. Settings.enforcement caps it; that of a Tenant "
	    "does not."},
    {KEY("chargeClaims"), .type = FIELD_CHOICE, AT(doc_settings, charge_claims), WORDS(charge_words),
     .fallback = "asRequested",
     .doc = "What a ResourceClaim costs while it is allocated. Only a gpugate that sees the cluster knows that it is; "
	    "the embedded ledger counts all claims as requested."},
    {KEY("exempt"), .type = FIELD_OBJECT, AT(doc_settings, exempt), .object = &settings_exempt_object,
     .doc = "Pods that gpugate leaves alone: neither rewritten, refused nor charged. Only the policy exempts, never a "
	    "label or annotation."},
    {KEY("terminatingGraceSeconds"), .type = FIELD_NUMBER, AT(doc_settings, terminating_seconds), .min = 0,
     .max = 86400, WORDS(never_words), .fallback = "300",
     .doc = "How long a Pod that is being deleted still counts after the end of its grace period, in seconds. With "
	    "`never`, it counts until it is gone."},
    {KEY("guardFailurePolicy"), .type = FIELD_CHOICE, AT(doc_settings, guard_failure), WORDS(failure_words),
     .fallback = "Ignore",
     .doc = "What the API server does with Pods that ask for no accelerator while gpugate does not answer. This is the "
	    "failurePolicy of the webhook through which Guards see such Pods."},
    {KEY("quotaFailurePolicy"), .type = FIELD_CHOICE, AT(doc_settings, quota_failure), WORDS(quota_failure_words),
     .fallback = "Fail",
     .doc = "What the API server does with Pods that ask for accelerators while gpugate does not answer. This is the "
	    "failurePolicy of the webhook through which such Pods are charged."},
    {KEY("workloads"), .type = FIELD_CHOICES, AT(doc_settings, workloads), WORDS(schema_workload_words),
     .otherwise = "a Workload document describes any other kind",
     .doc = "Kinds of custom resources whose Pods are judged when they are applied, as those of a Deployment are. "
	    "gpugate knows where these keep their Pods. A Workload document describes any other kind."},
};

static const struct schema_object settings_spec = {.name = "the spec of Settings",
						   .doc = "The cluster's settings; every one has a safe default.",
						   FIELDS(settings_fields)};

static const struct schema_field settings_document[] = {HEADER, SPEC(&settings_spec)};

const struct schema_object schema_settings_object = {.name = "a Settings document",
						     .doc =
							 "What holds for the whole cluster; a policy has at most one.",
						     .size = sizeof(struct doc_settings),
						     FIELDS(settings_document)};
