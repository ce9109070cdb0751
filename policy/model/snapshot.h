/*
 * snapshot: a compiled policy. References between documents are indexes, and amounts are numbers.
 * It is immutable except for its reference count, and all of its memory is in its arena. With the
 * device classes of a cluster, it is a copy of the one that was loaded, and shares its memory.
 */
#ifndef POLICY_MODEL_SNAPSHOT_H
#define POLICY_MODEL_SNAPSHOT_H

#include <stdatomic.h>

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/policy.h"
#include "gpugate/policy_enums.h"
#include "gpugate/workload_paths.h"
#include "policy/base/index.h"
#include "policy/model/catalog.h"
#include "policy/model/class_map.h"

#define NO_TENANT UINT32_MAX
#define NO_MODEL UINT32_MAX
#define NO_POOL UINT32_MAX
#define MEMORY_UNKNOWN (-1)

/*
 * Where a document has its name: an index into policy.files, and a line, which counts from 1. Line
 * 0: there is no document.
 */
struct document_ref {
	uint32_t file, line;
};

/* A list of globs that are matched one by one, for the few that a quota or an exemption has. */
struct globs {
	const struct str *items;
	uint32_t count;
};

struct requirement {
	struct str key;
	enum selector_op op;
	struct strs values;
};

/* A compiled LabelSelector. Without requirements, it matches everything. */
struct selector {
	const struct requirement *items;
	uint32_t count;
	bool given;
};

struct exempt {
	struct globs namespaces, users, groups;
	bool namespaces_default; /* No document lists the namespaces. */
};

/* A MIG profile that the nodes of a model advertise. */
struct profile {
	struct str name;     /* Such as 1g.10gb. */
	struct str resource; /* Such as nvidia.com/mig-1g.10gb. */
	int64_t compute_slices;
	int64_t memory_slices;
	int64_t memory; /* Nominal memory in bytes. */
};

/* What the devices of a device class are. */
enum class_kind {
	CLASS_DEVICES, /* Whole devices. */
	CLASS_SLICES,  /* Slices of one profile. */
	CLASS_ANY,     /* Slices of any profile; a claim may say of which. */
	CLASS_SHARED,  /* Whole devices that are shared by the memory that claims request. */
};

/* The resource name of a device class, and what its devices are. */
struct class_name {
	struct str name;
	enum class_kind kind;
	const struct profile *slice; /* Of CLASS_SLICES only. */
};

/*
 * How the memory of a device is divided among claims: in whole steps, and at least so many for
 * each.
 */
struct division {
	int64_t step; /* In bytes; 0: it is not divided. */
	int64_t least, steps;
};

/* An Accelerator. */
struct model {
	struct str name;
	struct str resource;
	int64_t memory; /* Bytes of the whole device, or MEMORY_UNKNOWN. */
	int64_t weight_numerator, weight_denominator;
	const struct pair *labels; /* Labels that its nodes have. */
	uint32_t label_count;
	const struct str *without; /* Keys of labels that its nodes do not have. */
	uint32_t without_count;
	enum mig_strategy strategy;
	const struct profile *profiles;
	uint32_t profile_count;
	const struct profile *table; /* All that the device can have, offered or not. */
	uint32_t table_count;
	int64_t compute_total, memory_total; /* Slices of the whole device. */
	struct division division;            /* Of devices of its classes that are shared. */
	const struct class_name *classes;
	uint32_t class_count;
	struct str share_resource; /* Absent: not shared. */
	/* Profile that the share is a part of; NULL: the whole device. */
	const struct profile *share_slice;
	int64_t replicas; /* 1: not shared. */
	int64_t max_per_container;
	struct document_ref at;
};

/* A model whose nodes have a resource, and what one unit of the resource is there. */
struct landing {
	uint32_t model;
	bool shared;
	int64_t max_per_container; /* For shares only. */
	wide gpus;                 /* In policy units. */
	wide memory;               /* In policy units of a byte, or MEMORY_UNKNOWN. */
	struct division division;
	/*
	 * Landings of the same resource whose models have all node conditions of this one, and
	 * more. A node that matches both belongs to the narrower model. Indexes into the landings
	 * of the resource.
	 */
	const uint32_t *narrower;
	uint32_t narrower_count;
};

struct resource {
	struct str name;
	/*
	 * The name of a device class stands for this resource: a quota that counts the resource
	 * counts the class as well. Absent: the name stands for itself only.
	 */
	struct str stands_for;
	/*
	 * It is a class whose devices are slices of any profile. It stands for all that its models
	 * offer; `stands_for` is one of them.
	 */
	bool any;
	bool slice; /* A MIG slice with its own resource name. */
	const struct landing *landings;
	uint32_t landing_count;
};

struct quota {
	struct str name;
	uint32_t tenant;
	enum measure measure;
	bool any_resource; /* `resources` is not set. */
	struct globs resources;
	bool names_others;      /* Some exact names in `resources` are not accelerators. */
	const uint32_t *models; /* Sorted; NULL: any. */
	uint32_t model_count;
	bool unlimited;
	wide hard; /* In policy units. */
	struct str hard_text;
	uint32_t pool; /* NO_POOL: it neither borrows nor lends. */
	wide borrow;   /* In policy units; 0: nothing. */
	struct str borrow_text;
	wide lend; /* In policy units; at most `hard`. */
	struct document_ref at;
};

/* The quotas of one name in the tenants of a cohort, which lend to each other. */
struct pool {
	struct str cohort;
	const uint32_t *quotas;
	uint32_t count;
	wide hard; /* Sum over all quotas. */
};

struct tenant {
	struct str name;
	uint32_t parent; /* NO_TENANT: none. */
	enum enforcement enforcement;
	enum early_answer early_answer;
	struct str cohort;      /* Absent: none. */
	const uint32_t *quotas; /* Its own and those of its ancestors, nearest first. */
	uint32_t quota_count;
	bool reachable; /* It or one of its descendants has namespaces. */
	/* Some quota on its path names a resource that is not an accelerator. */
	bool counts_others;
	struct document_ref at;
};

struct range {
	struct str resource;
	int64_t min, max;
};

struct rewrite {
	struct str from;
	struct str to;          /* Absent: toMig or toClaim. */
	uint32_t model;         /* Model of toMig, or NO_MODEL. */
	bool from_label;        /* memoryFrom is a label, otherwise an annotation. */
	struct str memory_key;  /* Absent: only the default applies. */
	int64_t default_memory; /* In bytes; 0: none. */
	bool pin;
	struct str template;       /* Of toClaim; absent: another target. */
	int64_t claim_count;       /* How many of `from` a claim from the template is for. */
	bool leads_to_claim;       /* Rules turn `from` into claims, maybe in several steps. */
	bool to_part;              /* The target is a MIG slice or a share. */
	int64_t max_per_container; /* A Pod in which a container requests more is not rewritten. */
};

struct rule {
	struct str name;
	int64_t order;
	const uint32_t *tenants;
	uint32_t tenant_count;
	bool any_tenant;
	bool any_namespace;
	struct globs namespaces;
	struct selector namespace_selector;
	struct selector pod_selector;
	struct selector annotation_selector;
	const struct range *requests;
	uint32_t request_count;
	const struct rewrite *rewrites;
	uint32_t rewrite_count;
	const struct pair *node_selector;
	uint32_t node_selector_count;
	const struct toleration *tolerations;
	uint32_t toleration_count;
	struct str runtime_class;
	enum on_conflict on_conflict;
	/* Capped by Settings. Unless it is deny, the Rule only reports what it would change. */
	enum enforcement enforcement;
	bool required;
	/* How long what is to come of a group is reserved; 0: the Rule does not decide groups. */
	uint32_t gang_seconds;
	struct document_ref at;
};

struct guard {
	struct str name;
	enum enforcement enforcement; /* Capped by Settings. */
	uint32_t kinds;               /* One bit for each enum guard_kind. */
	enum visible_devices visible_devices;
	struct strs allowed_paths; /* From hostPaths; normalized (path_normalize). */
	/* From resourceClaims. Without a list, anything is allowed. */
	struct globs claim_classes, claim_templates;
	bool limits_classes, limits_templates;
	bool admin_access;
	struct exempt exempt;
	struct document_ref at;
	/* By enum guard_kind; line 0: the Guard does not have this part. */
	struct document_ref parts_at[GUARD_PARTS];
};

struct namespace
{
	struct str name;
	struct pairs labels;
	struct document_ref at;
};

/*
 * Index of the Rules. Every Rule is in exactly one of these, under its most selective key;
 * `rewrites` is an additional index.
 */
struct rule_index {
	struct glob_index namespaces;
	struct index tenants;    /* By tenant name. */
	struct index pod_labels; /* By label key and value. */
	struct index requests;   /* By resource name. */
	struct index rewrites;   /* All Rules, under each name that they rewrite. */
	const uint32_t *rest;
	uint32_t rest_count;
};

struct tenant_index {
	struct index names;
	struct glob_index namespaces;
	/* By the first key and value of matchLabels; the id is an index into tenant_selectors. */
	struct index selectors;
	const uint32_t *rest; /* Tenants whose selector has no matchLabels. */
	uint32_t rest_count;
};

struct policy {
	atomic_uint references; /* First: policy_with_classes copies everything after it. */
	struct arena arena;
	/* The policy that this one adds device classes to, retained; NULL: it was loaded itself. */
	const struct policy *loaded;
	struct class_map class_map; /* Empty in a policy that was loaded. */
	struct policy_digest digest;
	struct policy_counts counts;
	int64_t unit;
	const struct str *files; /* for struct document_ref */
	struct document_ref settings_at;

	enum enforcement enforcement, untenanted, uncovered, unknown_resources, on_outage;
	struct globs other_resources;  /* Settings.otherResources. */
	const struct str *known_names; /* Resource names, for suggestions. */
	uint32_t known_name_count;
	struct exempt exempt;
	int64_t terminating_ms;           /* See policy_terminating_ms. */
	bool counts_claims;               /* See policy_counts_claims. */
	enum claim_charge claim_charge;   /* Settings.chargeClaims. */
	bool guards_fail, quotas_ignored; /* See policy_guards_fail and policy_quotas_fail. */
	bool selects_namespaces;          /* Some Tenant selects namespaces by label. */
	bool reads_namespaces;            /* Some Tenant or Rule selects namespaces by label. */

	const struct model *models;
	uint32_t model_count;
	struct index model_names;
	const struct resource *resources;
	uint32_t resource_count;
	struct index resource_names;

	struct tenant *tenants; /* Sorted by name. */
	uint32_t tenant_count;
	const struct selector *tenant_selectors; /* Indexed by tenant. */
	struct tenant_index tenant_index;
	/* What quotas with the measure `count` name without a wildcard. */
	struct index named_resources;
	struct quota *quotas; /* Sorted by tenant name, then by name. */
	uint32_t quota_count;
	/*
	 * Maximum number of quotas on the path of a tenant. They are in different pools or in none.
	 */
	uint32_t path_quota_max;
	struct pool *pools;
	uint32_t pool_count;

	const struct rule *rules; /* Sorted by order, then by name. */
	uint32_t rule_count;
	struct rule_index rule_index;
	bool has_gangs;      /* Some Rule decides groups, and enforces that. */
	bool may_have_gangs; /* Some Rule would, if Settings did not lower it. */
	/*
	 * What Rules turn into claims, directly or in several steps: by the name that a Pod
	 * requests and the template. The id is an index into `conversion_counts`, which says how
	 * many of the name a claim is for.
	 */
	struct index conversions;
	const int64_t *conversion_counts;

	/* Word of each enum guard_kind in the policy language; literals. */
	struct str guard_words[GUARD_WORDS];
	const struct guard *guards; /* Sorted by name. */
	uint32_t guard_count;
	bool void_devices;            /* Some Guard sets visible devices to void. */
	const struct str *void_names; /* The variables that Guards set to void. */
	uint32_t void_name_count;

	const struct workload_paths *workloads;
	uint32_t workload_count;
	struct index workload_kinds; /* By kind and group. */

	const struct namespace *namespaces;
	uint32_t namespace_count;
	struct index namespace_names;
};

/*
 * Whether devices of the class are what the name stands for on the nodes of its Accelerator: a
 * whole device, also for a share of one, or the same MIG slice. One of any profile can be.
 */
bool snapshot_is_class_of(const struct class_name *class, const struct resource *resource);

/*
 * Returns the resource of that name that some Accelerator has, or NULL. A share or a compute
 * instance of a MIG slice counts as the slice unless some Accelerator has it under its own name:
 * `nvidia.com/mig-1g.10gb.shared` and `nvidia.com/mig-1c.1g.10gb` are `nvidia.com/mig-1g.10gb`.
 * The name that a DeviceClass of the cluster gives to its devices is the resource of the class. A
 * part of a device (class_part.h) that has no resource of its own is one of its class.
 */
const struct resource *snapshot_resource(const struct policy *policy, struct str name);

/*
 * Returns the resource name of the device class as which a request for the name counts, because a
 * DeviceClass of the cluster has it (policy_with_classes); absent: it counts under its own name.
 */
struct str snapshot_class(const struct policy *policy, struct str name);

/*
 * Whether nobody knows what the name stands for: not all DeviceClasses of the cluster are known,
 * one of which may have it, and neither the policy nor the catalog names it. A pattern of
 * Settings.otherResources does not name it: the class may be that of an Accelerator. Then
 * class_map.gap says why.
 */
bool snapshot_is_undecided(const struct policy *policy, struct str name);

/*
 * Returns what of a Guard a check belongs to, as the policy says it, such as `privileged` or
 * `visibleDevices`; and what the check is called in messages.
 */
struct str snapshot_guard_part(const struct policy *policy, enum guard_kind kind);
struct str snapshot_guard_check(const struct policy *policy, enum guard_kind kind);

/* Returns a location as callers outside of policy/ see it. */
struct policy_location snapshot_location(const struct policy *policy, struct document_ref at);

/*
 * Returns the role of a resource. The Accelerators of the policy decide first, then
 * Settings.otherResources, then the catalog. What none of them has is of the role of its device
 * class, if a DeviceClass of the cluster has the name.
 */
enum role snapshot_role(const struct policy *policy, struct str name);

/* Whether the role of a resource is that of an accelerator. */
bool snapshot_is_accelerator(const struct policy *policy, struct str name);

/*
 * Returns the labels of a namespace: `given`, unless it is NULL or not present, and otherwise those
 * of the Namespace document of the policy. The label `kubernetes.io/metadata.name` may be missing,
 * because selector_match adds it.
 */
struct pairs snapshot_namespace_labels(const struct policy *policy, struct str name, const struct pairs *given);

/*
 * Finds the tenant of a namespace. An exact name takes precedence over globs, the longest glob over
 * shorter ones, and globs over selectors. `labels` is as for snapshot_namespace_labels.
 *
 * Returns the index of the tenant, or NO_TENANT. If several tenants claim the namespace with the
 * same precedence, sets `*other` to a second one, and the Pod must be denied; otherwise sets it to
 * NO_TENANT.
 */
uint32_t snapshot_tenant(const struct policy *policy, struct str namespace, const struct pairs *labels,
			 uint32_t *other);

/* Returns the sum of two amounts, or AMOUNT_MAX, which exceeds every limit, if it overflows. */
#define AMOUNT_MAX ((((wide)1 << 126) - 1) * 2 + 1)
static inline wide amount_sum(wide a, wide b)
{
	wide sum;
	return __builtin_add_overflow(a, b, &sum) ? AMOUNT_MAX : sum;
}

/* Whether the Rule changes Pods. One that does not only decides groups (gang_seconds). */
static inline bool rule_changes(const struct rule *rule)
{
	return rule->rewrite_count > 0 || rule->node_selector_count > 0 || rule->toleration_count > 0 ||
	       str_present(rule->runtime_class);
}

/* Whether the Rule admits groups only as a whole. With a lower enforcement, it does not. */
static inline bool rule_decides_groups(const struct rule *rule)
{
	return rule->gang_seconds > 0 && rule->enforcement == ENFORCEMENT_DENY;
}

bool globs_match(const struct globs *globs, struct str text);

bool quota_counts_resource(const struct quota *quota, struct str resource);
/* Whether the quota counts the resource by its own name, or by that of what it stands for. */
bool quota_counts(const struct policy *policy, const struct quota *quota, const struct resource *resource);
bool quota_counts_model(const struct quota *quota, uint32_t model);

/*
 * Whether the quota counts a resource that counts only if it is named (role_needs_name): it
 * measures `count`, and names the resource without a wildcard. Such a resource has no model, so a
 * quota with `accelerators` never counts it.
 */
bool quota_names_resource(const struct quota *quota, struct str resource);

/*
 * Whether the selector matches the labels. For the labels of a namespace, `name` is its name, the
 * value of the label kubernetes.io/metadata.name that every namespace has. For those of a Pod, it
 * is absent.
 */
bool selector_match(const struct selector *selector, const struct pairs *labels, struct str name);

/*
 * Returns the first requirement that does not hold, or NULL if all hold. `*found` is the value of
 * the label instead, absent if the label is missing.
 */
const struct requirement *selector_unmet(const struct selector *selector, const struct pairs *labels, struct str name,
					 struct str *found);

/*
 * Whether any labels could match. Returns false if the requirements on a key contradict each other.
 */
bool selector_possible(const struct selector *selector);

#endif
