/* schema: the table of every key of every kind. See schema.h. Adding a key is a row here and a member in docs.h. */
#include "policy/document/schema.h"

#include "policy/document/checks.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORD(text)                                                                                                     \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}
#define KEY(text) .key = {text, sizeof(text) - 1}
#define AT(type, member) .offset = offsetof(struct type, member)
#define WORDS(array) .words = (array), .word_count = COUNT(array)
#define FIELDS(array) .fields = (array), .field_count = COUNT(array)

/* ---- words ---- */

static const struct schema_word enforcement_words[] = {
    {WORD("deny"), "The request is refused."},
    {WORD("warn"), "The request is admitted, and its sender gets a warning."},
    {WORD("audit"), "The request is admitted; only the log and the audit annotations record it."},
};

static const struct schema_word rule_enforcement_words[] = {
    {WORD("deny"), "The Rule acts, and refuses the Pods that it cannot act on."},
    {WORD("warn"),
     "The Rule changes and refuses nothing; who creates a Pod gets a warning that says what it would do."},
    {WORD("audit"),
     "The Rule changes and refuses nothing; the log, the audit annotations and the metrics say what it would do."},
};

static const struct schema_word coverage_words[] = {
    {WORD("deny"), "The Pod is refused."},
    {WORD("warn"), "The Pod is admitted, and its sender gets a warning."},
    {WORD("audit"), "The Pod is admitted; only the log and the audit annotations record it."},
    {WORD("allow"), "The Pod is admitted silently."},
};

static const struct schema_word outage_words[] = {
    {WORD("deny"), "Accelerator Pods are asked to try again later."},
    {WORD("allow"), "Accelerator Pods are admitted uncounted, so a quota can be exceeded."},
};

static const struct schema_word never_words[] = {
    {WORD("never"), "A Pod counts until it is gone from the cluster, however long that takes."},
};

static const struct schema_word failure_words[] = {
    {WORD("Ignore"), "Pods are admitted unseen; a view of the cluster still counts them."},
    {WORD("Fail"), "Pods are refused until gpugate answers again, those without accelerators as well."},
};

static const struct schema_word quota_failure_words[] = {
    {WORD("Fail"), "Pods that ask for accelerators are refused until gpugate answers again."},
    {WORD("Ignore"),
     "They are admitted unseen, so a quota can be exceeded; a view of the cluster counts them afterwards."},
};

static const struct schema_word measure_words[] = {
    {WORD("count"), "Devices of the named resources."},
    {WORD("gpus"),
     "GPU equivalents: of a MIG slice the larger of its shares of compute and memory, of a share 1/replicas."},
    {WORD("memory"), "Nominal device memory in bytes; of a share memory/replicas."},
};

static const struct schema_word strategy_words[] = {
    {WORD("mixed"), "Each profile has a resource name of its own, such as nvidia.com/mig-1g.10gb."},
    {WORD("single"), "Slices appear under the Accelerator's own resource name."},
};

static const struct schema_word conflict_words[] = {
    {WORD("deny"), "The Pod is refused, and the message names both values."},
    {WORD("keep"), "The Pod's own value stays."},
    {WORD("override"), "The Rule's value replaces the Pod's."},
};

static const struct schema_word visible_words[] = {
    {WORD("refuse"), "Nothing is set; whether the variable is refused is for visibleDevicesEnv in `deny` to say."},
    {WORD("void"),
     "/mutate sets the variable to `void` in containers that ask for no accelerator, and /validate requires it."},
};

const struct schema_word schema_guard_words[GUARD_WORDS] = {
    {WORD("visibleDevicesEnv"), "A variable that chooses devices by itself, such as NVIDIA_VISIBLE_DEVICES, unless it "
				"is empty, `void` or `none`."},
    {WORD("hostDeviceMounts"),
     "A hostPath volume of an accelerator's device files, of what hands devices out on the node, or of a "
     "folder above these."},
    {WORD("deviceVolumeMounts"), "Anything mounted below /var/run/nvidia-container-devices, where mounts choose "
				 "devices, or below such a folder of another "
				 "vendor."},
    {WORD("mixedMigInContainer"), "Two MIG profiles in one container, of which the container would see only one."},
    {WORD("sharedRequestAboveOne"), "More shares of one device in a container than its Accelerator allows."},
    {WORD("preboundNodeName"),
     "A Pod that sets spec.nodeName and so passes the scheduler, and the taints of GPU nodes, by."},
    {WORD("privileged"),
     "A privileged container, which sees every device of its node, and what amounts to one: the capabilities ALL, "
     "SYS_ADMIN, "
     "SYS_MODULE and MKNOD, SYS_PTRACE together with hostPID, a Windows HostProcess container, and procMount "
     "Unmasked."},
    {WORD("ephemeralContainers"), "An ephemeral container, in whatever Pod."},
    {WORD("resourceClaims"), "A Pod that claims devices through spec.resourceClaims, which quotas do not count."},
    {WORD("deviceAnnotations"), "An annotation by which a container runtime or an NRI plug-in adds devices to "
				"containers, such as cdi.k8s.io/gpu."},
    {WORD("fractionAnnotations"), "An annotation by which KAI or Run:ai gives a Pod a part of a GPU, which quotas do "
				  "not count: gpu-fraction, gpu-memory, "
				  "gpu-fraction-num-devices."},
    {WORD("severalSlicesInContainer"),
     "More than one MIG slice of one profile in a container, of which CUDA would use only one."},
};

static const struct schema_word selector_words[] = {
    {WORD("In"), "It has one of the values."},
    {WORD("NotIn"), "It has none of the values, or is absent."},
    {WORD("Exists"), "It is there."},
    {WORD("DoesNotExist"), "It is absent."},
};

static const struct schema_word toleration_words[] = {
    {WORD("Equal"), "The taint's value must equal `value`."},
    {WORD("Exists"), "Any value of the taint is tolerated."},
};

static const struct schema_word effect_words[] = {
    {WORD("NoSchedule"), "Pods are not scheduled onto the node."},
    {WORD("PreferNoSchedule"), "Pods are scheduled elsewhere if possible."},
    {WORD("NoExecute"), "Running Pods are evicted as well."},
};

static const struct schema_word builtin_words[] = {
    {WORD("builtin"), "The table that gpugate has for the model."},
};

/* ---- objects that several kinds share ---- */

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
						       .check = check_expression};

static const struct schema_field selector_fields[] = {
    {KEY("matchLabels"), .type = FIELD_TEXT_MAP, .form = FORM_LABEL_VALUE, .key_form = FORM_LABEL_KEY,
     AT(doc_selector, match_labels), .doc = "Labels that must all be there with these values."},
    {KEY("matchExpressions"), .type = FIELD_OBJECTS, AT(doc_selector, match_expressions), .object = &expression_object,
     .doc = "Further conditions, which must all hold."},
};

static const struct schema_object selector_object = {.name = "a label selector",
						     .doc = "Kubernetes' label selector: all its conditions must hold.",
						     .size = sizeof(struct doc_selector),
						     FIELDS(selector_fields)};

/* The same of annotations, whose values are free text. */
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
								  .check = check_expression};

static const struct schema_field annotation_selector_fields[] = {
    {KEY("matchLabels"), .type = FIELD_TEXT_MAP, .form = FORM_ANNOTATION_VALUE, .key_form = FORM_LABEL_KEY,
     AT(doc_selector, match_labels), .doc = "Annotations that must all be there with these values."},
    {KEY("matchExpressions"), .type = FIELD_OBJECTS, AT(doc_selector, match_expressions),
     .object = &annotation_expression_object, .doc = "Further conditions, which must all hold."},
};

static const struct schema_object annotation_selector_object = {
    .name = "an annotation selector",
    .doc = "Conditions on annotations, written as a label selector: all of them must hold.",
    .size = sizeof(struct doc_selector),
    FIELDS(annotation_selector_fields)};

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

static const struct schema_field settings_exempt_fields[] = {
    {KEY("namespaces"), .type = FIELD_TEXTS, .form = FORM_NAMESPACE_GLOB, AT(doc_exempt, namespaces),
     .fallback = "kube-system", .doc = "Namespaces; `*` stands for any text, `?` for one character."},
    EXEMPT_USERS,
};

static const struct schema_field guard_exempt_fields[] = {
    {KEY("namespaces"), .type = FIELD_TEXTS, .form = FORM_NAMESPACE_GLOB, AT(doc_exempt, namespaces),
     .doc = "Namespaces; `*` stands for any text, `?` for one character."},
    EXEMPT_USERS,
};

static const struct schema_object settings_exempt_object = {
    .name = "an exemption",
    .doc = "Pods that are exempt from Rules, Guards and quotas alike.",
    .size = sizeof(struct doc_exempt),
    FIELDS(settings_exempt_fields)};

static const struct schema_object guard_exempt_object = {.name = "an exemption",
							 .doc = "Pods that are exempt from this Guard.",
							 .size = sizeof(struct doc_exempt),
							 FIELDS(guard_exempt_fields)};

/* The name lies at the same place in the struct of every kind. */
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

static const struct schema_object metadata_object = {
    .name = "metadata", .doc = "What the document is called.", FIELDS(metadata_fields)};

#define HEADER                                                                                                         \
	{KEY("apiVersion"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED, .doc = "Always gpugate.io/v1."},           \
	    {KEY("kind"), .type = FIELD_IGNORED, .flags = FIELD_REQUIRED, .doc = "The document's kind."},              \
	{                                                                                                              \
		KEY("metadata"), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED | FIELD_INLINE,                         \
				 .object = &metadata_object, .doc = "What the document is called."                     \
	}

#define SPEC(spec_object)                                                                                              \
	{                                                                                                              \
		KEY("spec"), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED | FIELD_INLINE, .object = (spec_object),    \
			     .doc = "What the document says."                                                          \
	}

/* ---- Settings ---- */

static const struct schema_field settings_fields[] = {
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_settings, enforcement), WORDS(enforcement_words),
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
     .doc = "What happens to Pods that ask for an extended resource which neither an Accelerator, `otherResources` nor "
	    "the "
	    "built-in table of resource names knows, so that no quota counts it."},
    {KEY("otherResources"), .type = FIELD_TEXTS, .flags = FIELD_FULL, .form = FORM_RESOURCE_GLOB,
     AT(doc_settings, other_resources),
     .doc = "Resource names that are no accelerators, whatever the built-in table says; `*` stands for any text, `?` "
	    "for one "
	    "character. They may not match a resource of an Accelerator."},
    {KEY("onOutage"), .type = FIELD_CHOICE, AT(doc_settings, on_outage), WORDS(outage_words), .fallback = "deny",
     .doc = "What happens to accelerator Pods while the ledger of charges cannot be read or written, or the embedded "
	    "one is full. Settings.enforcement caps it; that of a Tenant does not."},
    {KEY("exempt"), .type = FIELD_OBJECT, AT(doc_settings, exempt), .object = &settings_exempt_object,
     .doc = "Pods that gpugate leaves alone: neither rewritten, refused nor charged. Only the policy exempts, never a "
	    "label or annotation."},
    {KEY("terminatingGraceSeconds"), .type = FIELD_NUMBER, AT(doc_settings, terminating_seconds), .min = 0,
     .max = 86400, WORDS(never_words), .fallback = "300",
     .doc = "How long after the end of its grace period a Pod that is being deleted still counts, in seconds; the word "
	    "`never` "
	    "lets it count until it is gone."},
    {KEY("guardFailurePolicy"), .type = FIELD_CHOICE, AT(doc_settings, guard_failure), WORDS(failure_words),
     .fallback = "Ignore",
     .doc = "What the API server does with Pods that ask for no accelerator while gpugate does not answer: the "
	    "failurePolicy of the webhook through which Guards see such Pods."},
    {KEY("quotaFailurePolicy"), .type = FIELD_CHOICE, AT(doc_settings, quota_failure), WORDS(quota_failure_words),
     .fallback = "Fail",
     .doc = "What the API server does with Pods that ask for accelerators while gpugate does not answer: the "
	    "failurePolicy of the webhook through which such Pods are charged."},
};

static const struct schema_object settings_spec = {.name = "the spec of Settings",
						   .doc = "The cluster's settings; every one has a safe default.",
						   FIELDS(settings_fields)};

static const struct schema_field settings_document[] = {HEADER, SPEC(&settings_spec)};

static const struct schema_object settings_object = {.name = "a Settings document",
						     .doc =
							 "What holds for the whole cluster; a policy has at most one.",
						     .size = sizeof(struct doc_settings),
						     FIELDS(settings_document)};

/* ---- Accelerator ---- */

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

static const struct schema_object profile_object = {.name = "a MIG profile",
						    .doc = "A slice that the device can be cut into.",
						    .size = sizeof(struct doc_profile),
						    FIELDS(profile_fields),
						    .check = check_profile};

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
	 "suffix such as +me."},
    {KEY("strategy"), .type = FIELD_CHOICE, AT(doc_mig, strategy), WORDS(strategy_words), .fallback = "mixed",
     .doc = "The device plugin's MIG strategy: which resource names the slices have."},
};

static const struct schema_object mig_object = {.name = "a MIG layout",
						.doc = "How devices of this model are cut into slices.",
						.size = sizeof(struct doc_mig),
						FIELDS(mig_fields)};

static const struct schema_field sharing_fields[] = {
    {KEY("resource"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_LABEL_KEY, AT(doc_sharing, resource),
     .doc =
	 "The resource name of one share, such as nvidia.com/gpu.shared; the Accelerator's own name if shares are not "
	 "renamed. The name of one of its MIG slices, or that name and `.shared`, makes shares of that slice."},
    {KEY("replicas"), .type = FIELD_NUMBER, .flags = FIELD_REQUIRED, AT(doc_sharing, replicas), .min = 2, .max = 65536,
     .doc = "Shares that one device, or one slice, is offered as."},
    {KEY("maxPerContainer"), .type = FIELD_NUMBER, AT(doc_sharing, max_per_container), .min = 1, .max = 65536,
     .fallback = "1",
     .doc = "The most shares that one container may ask for. More than one share is seldom more of a device."},
};

static const struct schema_object sharing_object = {.name = "sharing",
						    .doc =
							"How devices of this model are shared by time-slicing or MPS.",
						    .size = sizeof(struct doc_sharing),
						    FIELDS(sharing_fields)};

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
    {KEY("mig"), .type = FIELD_OBJECT, AT(doc_accelerator, mig), .object = &mig_object,
     .doc = "How devices of this model are cut into MIG slices, if they are."},
    {KEY("sharing"), .type = FIELD_OBJECT, AT(doc_accelerator, sharing), .object = &sharing_object,
     .doc = "How devices of this model are shared, if they are."},
};

static const struct schema_object accelerator_spec = {
    .name = "the spec of an Accelerator", .doc = "What the model is.", FIELDS(accelerator_fields)};

static const struct schema_field accelerator_document[] = {HEADER, SPEC(&accelerator_spec)};

static const struct schema_object accelerator_object = {.name = "an Accelerator document",
							.doc =
							    "A model of GPU or other accelerator that the fleet has.",
							.size = sizeof(struct doc_accelerator),
							FIELDS(accelerator_document)};

/* ---- Tenant ---- */

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

static const struct schema_field tenant_fields[] = {
    {KEY("parent"), .type = FIELD_TEXT, .form = FORM_NAME, AT(doc_tenant, parent),
     .doc = "The Tenant above this one: what this one uses counts against every ancestor as well."},
    {KEY("namespaces"), .type = FIELD_TEXTS, .form = FORM_NAMESPACE_GLOB, AT(doc_tenant, namespaces),
     .doc = "Names of the Tenant's namespaces; `*` stands for any text, `?` for one character. An exact name beats the "
	    "longest name with `*`, "
	    "which beats a selector."},
    {KEY("namespaceSelector"), .type = FIELD_OBJECT, AT(doc_tenant, namespace_selector), .object = &selector_object,
     .doc = "Labels by which the Tenant's namespaces are known."},
    {KEY("quotas"), .type = FIELD_OBJECTS, AT(doc_tenant, quotas), .object = &quota_object,
     .doc = "The Tenant's limits; a Pod must keep within every one that counts it."},
    {KEY("cohort"), .type = FIELD_TEXT, .form = FORM_NAME, AT(doc_tenant, cohort),
     .doc = "The cohort that the Tenant is in: Tenants that name the same one lend to each other what their quotas of "
	    "one name leave free."},
    {KEY("borrowing"), .type = FIELD_OBJECT_MAP, .flags = FIELD_FULL, .key_form = FORM_NAME, AT(doc_tenant, borrowing),
     .object = &borrowing_object,
     .doc = "How much the Tenant's quotas borrow from its cohort and lend to it, by the quota's name."},
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_tenant, enforcement), WORDS(enforcement_words),
     .fallback = "deny", .doc = "What happens when one of this Tenant's quotas would be exceeded."},
};

static const struct schema_object tenant_spec = {.name = "the spec of a Tenant",
						 .doc = "Which namespaces the Tenant has and what they may hold.",
						 FIELDS(tenant_fields)};

static const struct schema_field tenant_document[] = {HEADER, SPEC(&tenant_spec)};

static const struct schema_object tenant_object = {.name = "a Tenant document",
						   .doc = "A team: its namespaces and its quotas.",
						   .size = sizeof(struct doc_tenant),
						   FIELDS(tenant_document)};

/* ---- Rule ---- */

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
    {KEY("namespaceSelector"), .type = FIELD_OBJECT, AT(doc_match, namespace_selector), .object = &selector_object,
     .doc = "Labels of the Pod's namespace."},
    {KEY("podSelector"), .type = FIELD_OBJECT, AT(doc_match, pod_selector), .object = &selector_object,
     .doc = "Labels of the Pod."},
    {KEY("annotationSelector"), .type = FIELD_OBJECT, AT(doc_match, annotation_selector),
     .object = &annotation_selector_object,
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

static const struct schema_object to_mig_object = {
    .name = "a choice of profile",
    .doc = "Rewrite to the MIG profile of least memory that covers what the Pod needs.",
    .size = sizeof(struct doc_to_mig),
    FIELDS(to_mig_fields)};

static const struct schema_field rewrite_fields[] = {
    {KEY("from"), .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .form = FORM_LABEL_KEY, AT(doc_rewrite, from),
     .doc = "The resource name that is replaced in requests and limits."},
    {KEY("to"), .type = FIELD_TEXT, .form = FORM_LABEL_KEY, AT(doc_rewrite, to),
     .doc = "The resource name that replaces it. Exactly one of `to` and `toMig` is given."},
    {KEY("toMig"), .type = FIELD_OBJECT, AT(doc_rewrite, to_mig), .object = &to_mig_object,
     .doc = "Choose a MIG profile by memory. Exactly one of `to` and `toMig` is given."},
    {KEY("maxPerContainer"), .type = FIELD_NUMBER, AT(doc_rewrite, max_per_container), .min = 1, .max = 65536,
     .doc = "The most that a container may ask of `from`: a Pod in which a container asks for more keeps what it asked "
	    "for. The default is 1 where the target is a MIG slice or a share, else no bound."},
};

static const struct schema_object rewrite_object = {.name = "a rewrite",
						    .doc = "A change of a resource's name.",
						    .size = sizeof(struct doc_rewrite),
						    FIELDS(rewrite_fields)};

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

static const struct schema_object toleration_object = {.name = "a toleration",
						       .doc = "A toleration as Pods have them.",
						       .size = sizeof(struct doc_toleration),
						       FIELDS(toleration_fields),
						       .check = check_toleration};

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
    {KEY("onConflict"), .type = FIELD_CHOICE, AT(doc_rule, on_conflict), WORDS(conflict_words), .fallback = "deny",
     .doc = "What happens where the Pod itself set something that the Rule would inject otherwise."},
    {KEY("required"), .type = FIELD_FLAG, AT(doc_rule, required), .fallback = "false",
     .doc = "Refuse at /validate every Pod to which this Rule would still do something."},
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_rule, enforcement), WORDS(rule_enforcement_words),
     .fallback = "deny", .doc = "Whether the Rule acts, or only says what it would do."},
};

static const struct schema_object rule_spec = {
    .name = "the spec of a Rule", .doc = "Which Pods are changed, and how.", FIELDS(rule_fields)};

static const struct schema_field rule_document[] = {HEADER, SPEC(&rule_spec)};

static const struct schema_object rule_object = {.name = "a Rule document",
						 .doc = "A change that /mutate makes to Pods.",
						 .size = sizeof(struct doc_rule),
						 FIELDS(rule_document)};

/* ---- Guard ---- */

static const struct schema_field host_paths_fields[] = {
    {KEY("allow"), .type = FIELD_TEXTS, .flags = FIELD_REQUIRED, .form = FORM_HOST_PATH, AT(doc_host_paths, allow),
     .doc = "The paths that hostPath volumes may have, each with what lies below it. An empty list allows none."},
};

static const struct schema_object host_paths_object = {.name = "a list of host paths",
						       .doc = "Which hostPath volumes Pods may have.",
						       .size = sizeof(struct doc_host_paths),
						       FIELDS(host_paths_fields)};

static const struct schema_field guard_fields[] = {
    {KEY("deny"), .type = FIELD_CHOICES, AT(doc_guard, deny), WORDS(schema_guard_words), .doc = "What is refused."},
    {KEY("visibleDevices"), .type = FIELD_CHOICE, AT(doc_guard, visible_devices), WORDS(visible_words),
     .fallback = "refuse",
     .doc = "What is done about variables such as NVIDIA_VISIBLE_DEVICES in containers that ask for no accelerator."},
    {KEY("hostPaths"), .type = FIELD_OBJECT, AT(doc_guard, host_paths), .object = &host_paths_object,
     .doc = "Refuse every hostPath volume but those listed here."},
    {KEY("enforcement"), .type = FIELD_CHOICE, AT(doc_guard, enforcement), WORDS(enforcement_words), .fallback = "deny",
     .doc = "What happens to what this Guard refuses; never stricter than Settings.enforcement. On audit the Guard "
	    "changes "
	    "nothing, either: `visibleDevices: void` sets no variable."},
    {KEY("exempt"), .type = FIELD_OBJECT, AT(doc_guard, exempt), .object = &guard_exempt_object,
     .doc = "Pods that this Guard leaves alone."},
};

static const struct schema_object guard_spec = {
    .name = "the spec of a Guard", .doc = "What is refused, and for whom it is not.", FIELDS(guard_fields)};

static const struct schema_field guard_document[] = {HEADER, SPEC(&guard_spec)};

static const struct schema_object guard_object = {.name = "a Guard document",
						  .doc = "Refusals that are not quota: ways around it.",
						  .size = sizeof(struct doc_guard),
						  FIELDS(guard_document)};

/* ---- v1 Namespace ---- */

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

static const struct schema_object namespace_object = {.name = "a Namespace",
						      .doc = "A Kubernetes Namespace, read for its labels.",
						      .size = sizeof(struct doc_namespace),
						      FIELDS(namespace_document),
						      .lenient = true};

#define GPUGATE_V1 WORD("gpugate.io/v1")

const struct schema_kind schema_kinds[KINDS] = {
    [KIND_SETTINGS] = {WORD("Settings"), GPUGATE_V1, offsetof(struct docs, settings), &settings_object},
    [KIND_ACCELERATOR] = {WORD("Accelerator"), GPUGATE_V1, offsetof(struct docs, accelerators), &accelerator_object},
    [KIND_TENANT] = {WORD("Tenant"), GPUGATE_V1, offsetof(struct docs, tenants), &tenant_object},
    [KIND_RULE] = {WORD("Rule"), GPUGATE_V1, offsetof(struct docs, rules), &rule_object},
    [KIND_GUARD] = {WORD("Guard"), GPUGATE_V1, offsetof(struct docs, guards), &guard_object},
    [KIND_NAMESPACE] = {WORD("Namespace"), WORD("v1"), offsetof(struct docs, namespaces), &namespace_object},
};
