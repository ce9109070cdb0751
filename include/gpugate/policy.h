/*
 * policy: an immutable snapshot compiled from a folder of documents, and the decisions that it makes. Nothing here does
 * I/O (but for policy_load, which reads files), takes a lock, looks at a clock or keeps state between calls: the same
 * snapshot and the same facts give the same decision on every thread and every machine.
 *
 * A snapshot is counted: policy_load returns new with one reference; policy_retain and policy_release are the only
 * functions that write to it, atomically. Everything else takes it const and is safe on any number of threads.
 */
#ifndef GPUGATE_POLICY_H
#define GPUGATE_POLICY_H

#include "gpugate/arena.h"
#include "gpugate/facts.h"
#include "gpugate/quantity.h"
#include "gpugate/report.h"
#include "gpugate/str.h"

enum enforcement { ENFORCEMENT_DENY, ENFORCEMENT_WARN, ENFORCEMENT_AUDIT, ENFORCEMENT_ALLOW };
enum measure { MEASURE_COUNT, MEASURE_GPUS, MEASURE_MEMORY };
enum mig_strategy { MIG_MIXED, MIG_SINGLE };
enum on_conflict { CONFLICT_DENY, CONFLICT_KEEP, CONFLICT_OVERRIDE };
enum visible_devices { VISIBLE_DEVICES_REFUSE, VISIBLE_DEVICES_VOID };
enum selector_op { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };

enum guard_kind {
	GUARD_VISIBLE_DEVICES_ENV,
	GUARD_HOST_DEVICE_MOUNTS,
	GUARD_DEVICE_VOLUME_MOUNTS,
	GUARD_MIXED_MIG,
	GUARD_SHARED_ABOVE_ONE,
	GUARD_PREBOUND_NODE_NAME,
	GUARD_PRIVILEGED,
	GUARD_EPHEMERAL_CONTAINERS,
	GUARD_RESOURCE_CLAIMS,
	GUARD_DEVICE_ANNOTATIONS,
	GUARD_FRACTION_ANNOTATIONS,
	GUARD_SEVERAL_SLICES,
	GUARD_WORDS, /* those before are words of `deny`, those from here on have keys of their own */
	GUARD_HOST_PATHS = GUARD_WORDS, /* hostPaths */
	GUARD_KINDS,
};

struct policy;
struct trace; /* gpugate/trace.h */

/*
 * Where a document of the policy has its name, as in messages of lint; Settings: where they begin.
 * `file` is as people would type it, borrowed from the policy, and the path of the load that made
 * the snapshot. `line` counts from 1; 0: no document, and `file` is absent.
 */
struct policy_place {
	struct str file;
	uint32_t line;
};

/* Loads and compiles the files below the paths. Returns new, or NULL when the report holds errors. */
struct policy *policy_load(const char *const *paths, size_t count, struct report *report);
void policy_retain(const struct policy *policy);
void policy_release(const struct policy *policy); /* takes NULL */

struct policy_counts {
	uint32_t accelerators, tenants, quotas, rules, guards, namespaces;
};
void policy_counts(const struct policy *policy, struct policy_counts *counts);

/* The strictest enforcement in the cluster: what Settings say, or their default. */
enum enforcement policy_enforcement(const struct policy *policy);

/*
 * A 128-bit digest of everything the snapshot was compiled from: the files' bytes, in the order of their paths. Two snapshots
 * with the same digest decide alike, wherever their files are.
 */
struct policy_digest {
	uint64_t word[2];
};
struct policy_digest policy_digest(const struct policy *policy);

/* One of the changes that /mutate makes, in the words of Kubernetes and not of JSON. Strings borrow from the facts, the
 * policy or the request's arena. */
enum edit_kind {
	EDIT_RESOURCE,      /* in one map of one container: key `from` goes, key `key` becomes `value` */
	EDIT_ENV,           /* environment variable `key` gets the literal `value` */
	EDIT_NODE_SELECTOR, /* nodeSelector[key] = value */
	EDIT_TOLERATION,    /* `toleration` is appended */
	EDIT_RUNTIME_CLASS, /* runtimeClassName = value */
};

struct edit {
	enum edit_kind kind;
	uint32_t container; /* EDIT_RESOURCE, EDIT_ENV: index into pod.containers */
	bool limits;        /* EDIT_RESOURCE: in limits, else in requests */
	int32_t env_index;  /* EDIT_ENV: which entry is replaced; -1: appended */
	struct str from;    /* EDIT_RESOURCE: absent key name to remove; absent str: nothing to remove */
	struct str key;
	struct str value;
	struct toleration toleration;
};

/*
 * An extended resource that a Pod asks for: the effective request of the whole Pod. More accelerators than DEMAND_MAX in one Pod are
 * refused. What is no accelerator may be asked for in bytes; of more than COMPANION_MAX (8Pi) that much is counted. So sums
 * stay exact: with at most 2^32 units in 1, a million Pods hold less than 2^105 of a companion.
 */
struct demand {
	struct str resource;
	int64_t count; /* 1..COMPANION_MAX */
};
#define DEMAND_MAX 1000000000
#define COMPANION_MAX (INT64_C(1) << 53)

/*
 * What a ledger keeps of a Pod: facts, not charges, so that another version of the policy charges by its own.
 *
 * `models` are the names of the Accelerators that the Pod could land on by what it requires of its node, for the resources
 * that it asks for; none: on any. MODEL_UNKNOWN among them stands for a model that the policy does not know.
 *
 * `node_models` are those of the node that it is bound to; none: it is not bound, or its node is of no model. They decide,
 * except for a resource of which no quota would count them: a Pod that is bound never becomes one that is counted nowhere.
 */
struct holding {
	struct str uid;
	struct str namespace;
	struct str name;
	const struct demand *demands;
	uint32_t demand_count;
	const struct str *models;
	uint32_t model_count; /* at most HOLDING_MODELS_MAX */
	const struct str *node_models;
	uint32_t node_model_count;
};
#define MODEL_UNKNOWN STR("?") /* no Accelerator can have that name */
#define HOLDING_MODELS_MAX 256 /* a Pod that could land on more is kept as one that could land on any */

/*
 * Every extended resource (a name with a slash in it, none of Kubernetes' own) that a Pod asks for, accelerator or not: what a
 * view of the cluster keeps, since another policy may make an accelerator of it. The effective request of the whole Pod,
 * at most COMPANION_MAX each; what is no whole number is left out. Returns -1 when the arena is exhausted.
 */
int policy_demands(const struct pod *pod, struct arena *arena, const struct demand **demands, uint32_t *count);

/* Whether what the Pod requires of its node is little enough to be looked at and kept. A Pod that requires more could land on
 * any model. */
bool policy_placement_bounded(const struct pod *pod);
/* Whether some of the demands is of an accelerator, or of what some quota names: whether quotas could count it at all. */
bool policy_counts_some(const struct policy *policy, const struct demand *demands, uint32_t count);

/*
 * Whether a resource is an extended one: a name with a domain that is not Kubernetes' own (IsExtendedResourceName of
 * k8s.io/kubernetes/pkg/apis/core/v1/helper), or a device that a device class gives under a name of its own.
 */
bool resource_is_extended(struct str name);

/*
 * Sets the models of a holding, whose demands are set, by what the Pod requires of its node. Names borrow from the policy, the list
 * is the arena's. Returns -1 when the arena is exhausted.
 */
int policy_place(const struct policy *policy, const struct pod *pod, struct arena *arena, struct holding *holding);

/* What a node with certain labels is to a Pod that is bound to it. Bits. */
enum node_fit {
	NODE_OF_NO_MODEL = 1,       /* for some resource of the Pod: its labels match no Accelerator */
	NODE_OF_SEVERAL_MODELS = 2, /* ... they match two that do not exclude each other */
};

/* Sets the node_models of a holding, whose demands are set. Returns bits of enum node_fit, or -1 when the arena is exhausted. */
int policy_place_on_node(const struct policy *policy, const struct pairs *labels, struct arena *arena,
			 struct holding *holding);

/* Amounts are exact integers in units of 1/policy_unit() of a device, a GPU or a byte. */
struct charge {
	uint32_t quota; /* index, 0..policy_quota_count()-1 */
	wide amount;
};

enum reason {
	REASON_NONE,
	REASON_QUOTA,
	REASON_UNCOVERED,
	REASON_UNTENANTED,
	REASON_AMBIGUOUS, /* two tenants claim the namespace */
	REASON_GUARD,
	REASON_RULE,     /* a Rule cannot be applied, or a required one was not */
	REASON_REQUEST,  /* the Pod's own request is senseless: overflow, fraction */
	REASON_NO_MODEL, /* no Accelerator fits the Pod's node selectors */
	REASON_OUTAGE,
	REASON_BUSY, /* the tenant's own requests are too many, or leave too little time, to be decided now */
	REASON_UNKNOWN_RESOURCE, /* neither the policy nor the catalog knows what the Pod asks for */
	REASONS,
};

/* The label value that metrics and logs use for a reason. */
const char *reason_name(enum reason reason);

#define MESSAGE_MAX 1023 /* bytes of an objection's message */

/* What was found against a Pod, whatever enforcement makes of it. */
struct objection {
	enum reason reason;
	enum enforcement enforcement; /* DENY, WARN or AUDIT */
	struct str
	    name; /* a name of the policy (quota, guard kind, Rule, ...), never one that a Pod chose; may be empty */
	struct str message; /* a whole sentence */
};

#define DECISION_OBJECTIONS_MAX 16

struct decision {
	struct str tenant; /* of the namespace; absent: none, or exempt */
	bool exempt;
	bool mirror; /* a mirror Pod: charged, never refused */
	struct objection objections[DECISION_OBJECTIONS_MAX];
	uint32_t objection_count; /* kept ones; `denied` is exact even where some were not kept */
	bool denied;
	const struct str *rules; /* names of the Rules that changed something, in the order they did */
	uint32_t rule_count;
	const struct edit *edits; /* policy_mutate only */
	uint32_t edit_count;
	bool charged; /* policy_validate: the Pod holds accelerators and goes to the ledger */
	struct holding holding;
};

/*
 * What /mutate does to the Pod of a review. On CREATE of a Pod: Rules to a fixed point, and void visible devices; on
 * pods/ephemeralcontainers: void visible devices; on UPDATE of a Pod: what it did on CREATE is put back where an apply of
 * the manifest undoes it, whichever Rule it was; otherwise nothing. A Rule that cannot be applied denies. `trace` may be
 * NULL. Returns -1 only when the arena is exhausted.
 */
int policy_mutate(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision, const struct trace *trace);

/*
 * What /validate finds in a review before the ledger is asked: Guards, required Rules, tenancy, coverage. Judges the
 * object as it came, whoever mutated it. Fills decision->holding when the ledger has to be asked. `trace` may be NULL.
 * Returns -1 only when the arena is exhausted.
 */
int policy_validate(const struct policy *policy, const struct review *review, struct arena *arena,
		    struct decision *decision, const struct trace *trace);

/* Tenants, policy_counts().tenants of them, in no order that means anything. */
struct tenant_view {
	struct str name;
	struct str parent;            /* absent: none */
	enum enforcement enforcement; /* capped by Settings */
};
void policy_tenant(const struct policy *policy, uint32_t tenant, struct tenant_view *view);

/* Quotas, in the order (tenant, quota) of their names. */
uint32_t policy_quota_count(const struct policy *policy);

struct quota_view {
	struct str tenant;
	struct str name;
	enum measure measure;
	enum enforcement enforcement; /* of its tenant, capped by Settings */
	bool unlimited;
	wide hard;         /* in units of 1/policy_unit(); meaningless when unlimited */
	struct str cohort; /* whose quotas of this name lend to each other; absent: it stands alone */
	wide borrow;       /* borrowUpTo, in units; 0 without a cohort */
	wide lend;         /* lendUpTo, in units, at most `hard` */
	struct policy_place at;
};
void policy_quota(const struct policy *policy, uint32_t quota, struct quota_view *view);

/* How many units make one device, GPU or byte. */
int64_t policy_unit(const struct policy *policy);

/*
 * What a holding costs: writes at most policy_charge_max() rows, one per quota, and returns their number; -1 if an
 * amount overflows (never for what policy_validate has produced under this same policy). `labels` are those of its namespace;
 * NULL or not present: as the policy's own Namespace documents say. Nothing in an exempt namespace costs anything.
 */
uint32_t policy_charge_max(const struct policy *policy);
int policy_charge(const struct policy *policy, const struct holding *holding, const struct pairs *labels,
		  struct charge *charges);

/* The topmost ancestor of a namespace's tenant, 0..policy_counts().tenants-1; UINT32_MAX: no tenant, or two. `labels` as in
 * policy_charge. For fair shares. */
uint32_t policy_root(const struct policy *policy, struct str namespace, const struct pairs *labels);

/* Whether the labels of namespaces decide anything. */
bool policy_reads_namespaces(const struct policy *policy);

/* How long after its grace period a terminating Pod still counts, in milliseconds; -1: until it is gone. */
int64_t policy_terminating_ms(const struct policy *policy);

/* Whether Pods without accelerators are to be refused while nobody judges them: Settings.guardFailurePolicy is Fail. */
bool policy_guards_fail(const struct policy *policy);

/* Whether Pods with accelerators are to be refused while nobody charges them: Settings.quotaFailurePolicy is Fail, the default. */
bool policy_quotas_fail(const struct policy *policy);

/* What is held of a quota, in units. */
struct held {
	wide used;        /* by Pods that exist */
	wide pending;     /* by Pods that were admitted and have not been seen yet */
	wide terminating; /* of `used`: by Pods that are being deleted */
};

enum excess_kind {
	EXCESS_HARD,   /* hard, and what the tenant may borrow */
	EXCESS_COHORT, /* what all of a cohort have together */
};

#define EXCESS_BORROWERS_MAX 4

/* A limit that a Pod would exceed, and the numbers of the sentence that says so. */
struct excess {
	uint32_t quota;
	enum excess_kind kind;
	wide requested, used, pending; /* of the quota itself */
	wide left;                     /* what would still fit below all limits of the quota; never negative */
	wide most;    /* what would fit if nothing were used: a request above that is not helped by waiting */
	bool refuses; /* the tenant enforces it: the Pod is refused for it */
	bool
	    changing; /* something of the quota, or of its cohort, is pending or terminating: it may be free in a moment */
	/* EXCESS_COHORT: who holds more than its own hard, be it the quota itself; the largest first. */
	struct {
		uint32_t quota;
		wide amount;
	} borrowers[EXCESS_BORROWERS_MAX];
	uint32_t borrower_count;
};

/*
 * Which limits a Pod's charges would exceed. `held` has policy_quota_count() rows, the Pod itself not in them. A quota is
 * within its limits iff used + pending <= hard + borrow, and, in a cohort, either used + pending <= hard - lend, or the sum
 * over the cohort's quotas of max(used + pending, hard - lend) <= the sum of hard. The charges are those of one Pod: of the quotas of one tenant's path, no two of which are in
 * one pool. Only these quotas are judged. Writes at most policy_excess_max() rows and returns their number; `*refused`: one of them
 * is of a tenant that enforces (or a sum is more than can be booked), so that the Pod is to be refused.
 */
uint32_t policy_excess_max(const struct policy *policy);
uint32_t policy_exceeded(const struct policy *policy, const struct charge *charges, uint32_t count,
			 const struct held *held, struct excess *excess, bool *refused);

/*
 * The quotas that lend to each other with this one, itself among them, in an order that is the policy's; none where it stands alone.
 * Borrowed from the policy. And whether all of them hold more together than they have: then those hold too much that hold more than
 * their own.
 */
uint32_t policy_cohort(const struct policy *policy, uint32_t quota, const uint32_t **members);
bool policy_cohort_exceeded(const struct policy *policy, uint32_t quota, const struct held *held);

/*
 * What still fits into each limited quota on the path of a namespace's tenant, whatever the Pod costs there: `amount` is never negative.
 * `held` and `labels` as in policy_exceeded and policy_charge. Writes at most policy_charge_max() rows and returns their number.
 */
uint32_t policy_room(const struct policy *policy, struct str namespace, const struct pairs *labels,
		     const struct held *held, struct charge *room);

/* What the sentences of a refusal are made of: policy_exceeded and policy_room have written it. */
struct refused {
	const struct excess *excess;
	uint32_t excess_count;
	const struct charge *room;
	uint32_t room_count;
};

/*
 * Turns what would be exceeded into objections of the decision, with the sentence people read:
 * `exceeded quota: GPU quota "compute" of tenant "team-a": requested 1, used 5.71 (+0.57 pending), limit 6.5, over by 0.78;
 * 0.21 GPU is free; fits: 1 x nvidia.com/mig-1g.10gb (0.14)`. The words `exceeded quota`, on which workflow engines wait, are in the
 * sentences if and only if the same request would be admitted with nothing used; what is above `most` begins with `can never
 * fit: `. Returns -1 when the arena is exhausted.
 */
int policy_object_excess(const struct policy *policy, const struct refused *refused, struct arena *arena,
			 struct decision *decision);

/*
 * The ledger works and yet cannot decide this Pod now, which the tenant itself has brought about: onOutage is not asked. Refuses
 * if the decision's tenant, or one above it, enforces.
 */
int policy_object_busy(const struct policy *policy, struct str why, struct arena *arena, struct decision *decision);

/* onOutage: the ledger could not be asked. */
int policy_object_outage(const struct policy *policy, struct str why, struct arena *arena, struct decision *decision);

/* Prints an amount (never negative) as people read it: "6.5", "5.71", "40Gi" (cut after two decimals, never rounded up). */
void amount_print(wide amount, int64_t unit, enum measure measure, struct buf *out);

/* `tenant/quota=amount, …` for audit annotations and logs. */
void policy_print_charges(const struct policy *policy, const struct charge *charges, size_t count, struct buf *out);

#endif
