/*
 * snapshot: what a policy is after compiling: indexes and numbers, nothing to look up by hand. Immutable but for the
 * reference count. All memory is the snapshot's arena.
 */
#ifndef POLICY_MODEL_SNAPSHOT_H
#define POLICY_MODEL_SNAPSHOT_H

#include <stdatomic.h>

#include "gpugate/policy.h"
#include "policy/base/index.h"
#include "policy/model/catalog.h"

#define NO_TENANT UINT32_MAX
#define NO_MODEL UINT32_MAX
#define NO_POOL UINT32_MAX
#define MEMORY_UNKNOWN (-1)

/* Where a document has its name: an index into policy.files, and a line from 1; 0: there is no document. */
struct location {
	uint32_t file, line;
};

/* A list of globs, matched one by one: for the few that a quota or an exemption has. */
struct globs {
	const struct str *items;
	uint32_t count;
};

struct requirement {
	struct str key;
	enum selector_op op;
	struct strs values;
};

/* A compiled LabelSelector; no requirement: everything matches. */
struct selector {
	const struct requirement *items;
	uint32_t count;
	bool given;
};

struct exempt {
	struct globs namespaces, users, groups;
};

/* A MIG profile that a model's nodes advertise. */
struct profile {
	struct str name;     /* 1g.10gb */
	struct str resource; /* nvidia.com/mig-1g.10gb */
	int64_t compute_slices;
	int64_t memory_slices;
	int64_t memory; /* bytes, nominal */
};

/* An Accelerator. */
struct model {
	struct str name;
	struct str resource;
	int64_t memory; /* bytes of the whole device, or MEMORY_UNKNOWN */
	int64_t weight_numerator, weight_denominator;
	const struct pair *labels; /* that its nodes carry */
	uint32_t label_count;
	const struct str *without; /* keys of labels that its nodes do not have */
	uint32_t without_count;
	enum mig_strategy strategy;
	const struct profile *profiles;
	uint32_t profile_count;
	int64_t compute_total, memory_total; /* slices of the whole device */
	struct str share_resource;           /* absent: not shared */
	const struct profile *share_slice;   /* of which it is a share; NULL: of the whole device */
	int64_t replicas;                    /* 1: not shared */
	int64_t max_per_container;
	struct location at;
};

/* A model on whose nodes a resource exists, and what one unit of the resource is there. */
struct landing {
	uint32_t model;
	bool shared;
	int64_t max_per_container; /* of a share */
	wide gpus;                 /* in policy units */
	wide memory;               /* in policy units of a byte, or MEMORY_UNKNOWN */
	/* Landings of the same resource whose models say all of their nodes that this one says, and more: a node that
	 * is of both is of theirs. Indexes into the resource's landings. */
	const uint32_t *narrower;
	uint32_t narrower_count;
};

struct resource {
	struct str name;
	bool slice; /* a MIG slice under a name of its own */
	const struct landing *landings;
	uint32_t landing_count;
};

struct quota {
	struct str name;
	uint32_t tenant;
	enum measure measure;
	bool any_resource; /* `resources` not given */
	struct globs resources;
	bool names_others;      /* some of them by their exact name, and they are no accelerators */
	const uint32_t *models; /* sorted; NULL: any */
	uint32_t model_count;
	bool unlimited;
	wide hard; /* in policy units */
	struct str hard_text;
	uint32_t pool; /* NO_POOL: it stands alone */
	wide borrow;   /* in policy units; 0: nothing */
	struct str borrow_text;
	wide lend; /* in policy units, at most `hard` */
	struct location at;
};

/* The quotas of one name of a cohort's tenants: what some leave free, others may use. */
struct pool {
	struct str cohort;
	const uint32_t *quotas;
	uint32_t count;
	wide hard; /* of all together */
};

struct tenant {
	struct str name;
	uint32_t parent; /* NO_TENANT: a root */
	enum enforcement enforcement;
	struct str cohort;      /* absent: none */
	const uint32_t *quotas; /* its own and its ancestors', nearest first */
	uint32_t quota_count;
	bool reachable;     /* it or a tenant below it has namespaces */
	bool counts_others; /* some quota on its path names what is no accelerator */
	struct location at;
};

struct range {
	struct str resource;
	int64_t min, max;
};

struct rewrite {
	struct str from;
	struct str to;          /* absent: toMig */
	uint32_t model;         /* of toMig */
	bool from_label;        /* memoryFrom is a label, else an annotation */
	struct str memory_key;  /* absent: only the default */
	int64_t default_memory; /* bytes; 0: none */
	bool pin;
	bool to_part;              /* to a MIG slice or a share */
	int64_t max_per_container; /* Pods in which a container asks for more keep what they asked for */
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
	enum enforcement enforcement; /* capped by Settings; anything but deny: it only says what it would do */
	bool required;
	struct location at;
};

struct guard {
	struct str name;
	enum enforcement enforcement; /* capped by Settings */
	uint32_t kinds;               /* bit per enum guard_kind */
	enum visible_devices visible_devices;
	struct strs allowed_paths; /* of hostPaths, normalized (path_normalize) */
	struct exempt exempt;
	struct location at;
};

struct namespace
{
	struct str name;
	struct pairs labels;
	struct location at;
};

/* Every Rule stands in exactly one of these, under the key that tells most; but for `rewrites`. */
struct rule_index {
	struct glob_index namespaces;
	struct index tenants;    /* by tenant name */
	struct index pod_labels; /* by label key and value */
	struct index requests;   /* by resource name */
	struct index rewrites;   /* every Rule, under each name that it rewrites */
	const uint32_t *rest;
	uint32_t rest_count;
};

struct tenant_index {
	struct index names;
	struct glob_index namespaces;
	struct index
	    selectors;        /* by the first label key and value of matchLabels; the id counts into tenant_selectors */
	const uint32_t *rest; /* tenants whose selector has no matchLabels */
	uint32_t rest_count;
};

struct policy {
	atomic_uint references;
	struct arena arena;
	struct policy_digest digest;
	struct policy_counts counts;
	int64_t unit;
	const struct str *files; /* for struct location */
	struct location settings_at;

	enum enforcement enforcement, untenanted, uncovered, unknown_resources, on_outage;
	struct globs other_resources;  /* Settings.otherResources */
	const struct str *known_names; /* of resources, for suggestions */
	uint32_t known_name_count;
	struct exempt exempt;
	int64_t terminating_ms;           /* -1: for ever */
	bool guards_fail, quotas_ignored; /* see policy_guards_fail and policy_quotas_fail */
	bool reads_namespaces;            /* some Tenant or Rule selects namespaces by label */

	const struct model *models;
	uint32_t model_count;
	struct index model_names;
	const struct resource *resources;
	uint32_t resource_count;
	struct index resource_names;

	struct tenant *tenants; /* sorted by name */
	uint32_t tenant_count;
	const struct selector *tenant_selectors; /* by tenant */
	struct tenant_index tenant_index;
	struct index named_resources; /* what quotas that count devices name without a wildcard */
	struct quota *quotas;         /* sorted by tenant, name */
	uint32_t quota_count;
	uint32_t path_quota_max; /* most quotas on one tenant's path, each of another pool or of none */
	struct pool *pools;
	uint32_t pool_count;

	const struct rule *rules; /* sorted by order, name */
	uint32_t rule_count;
	struct rule_index rule_index;

	struct str guard_words[GUARD_WORDS]; /* what the policy language calls each enum guard_kind; literals */
	const struct guard *guards;          /* sorted by name */
	uint32_t guard_count;
	bool void_devices;            /* some Guard voids visible devices */
	const struct str *void_names; /* the variables that are set to void */
	uint32_t void_name_count;

	const struct namespace *namespaces;
	uint32_t namespace_count;
	struct index namespace_names;
};

/*
 * The resource of that name that some Accelerator has, or NULL. A share or a compute instance of a MIG slice whose own
 * name none has is the slice: `nvidia.com/mig-1g.10gb.shared` and `nvidia.com/mig-1c.1g.10gb` are
 * `nvidia.com/mig-1g.10gb`.
 */
const struct resource *snapshot_resource(const struct policy *policy, struct str name);

/* A location as callers outside of policy/ see it. */
struct policy_place snapshot_place(const struct policy *policy, struct location at);

/* What a resource is: by the Accelerators of the policy, by Settings.otherResources, by the catalog, in this order. */
enum role snapshot_role(const struct policy *policy, struct str name);

/* Whether a name is an accelerator resource: its role is one of the accelerators. */
bool snapshot_is_accelerator(const struct policy *policy, struct str name);

/* The labels of a namespace: those given (NULL or not present: none are), else those of the policy's own document of
 * it. The label `kubernetes.io/metadata.name` always matches (selector_match). */
struct pairs snapshot_namespace_labels(const struct policy *policy, struct str name, const struct pairs *given);

/*
 * The tenant of a namespace with these labels (see snapshot_namespace_labels): an exact name beats the longest glob
 * beats a selector. Returns its index or NO_TENANT. When two claim it equally, `*other` is set to the second one (else
 * to NO_TENANT), and the Pod is to be refused.
 */
uint32_t snapshot_tenant(const struct policy *policy, struct str namespace, const struct pairs *labels,
			 uint32_t *other);

/* A sum of amounts; AMOUNT_MAX where no integer holds it, which is more than any limit. */
#define AMOUNT_MAX ((((wide)1 << 126) - 1) * 2 + 1)
static inline wide amount_sum(wide a, wide b)
{
	wide sum;
	return __builtin_add_overflow(a, b, &sum) ? AMOUNT_MAX : sum;
}

bool globs_match(const struct globs *globs, struct str text);

bool quota_counts_resource(const struct quota *quota, struct str resource);
bool quota_counts_model(const struct quota *quota, uint32_t model);

/* Whether the quota counts a resource that only counts where it is named (role_needs_name): by number, and named
 * without a wildcard. It has no model, so a quota with `accelerators` never does. */
bool quota_names_resource(const struct quota *quota, struct str resource);

/* Labels of a namespace: `name` stands for the label kubernetes.io/metadata.name that every namespace carries; absent
 * for a Pod's labels. */
bool selector_match(const struct selector *selector, const struct pairs *labels, struct str name);

/* The first requirement that does not hold, and the value that the label has instead (absent: it is not there); NULL: all
 * of them hold. */
const struct requirement *selector_unmet(const struct selector *selector, const struct pairs *labels, struct str name,
					 struct str *found);

/* Whether some labels could match at all: false when what is required of a key contradicts itself. */
bool selector_possible(const struct selector *selector);

#endif
