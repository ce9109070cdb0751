/*
 * trace: the steps of one decision, for commands that explain decisions or count what decided
 * them.
 *
 * The caller of a decision may pass a trace. `gpugate serve` passes NULL; then nothing is allocated
 * or computed for it. Otherwise, `event` is called for each step, on the thread that decides.
 * Events borrow from the policy, the review, and the arena of the request; their arrays may be used
 * only until `event` returns.
 *
 *     static void on_event(void *context, const struct trace_event *event)
 *     {
 *             struct coverage *coverage = context;
 *             if (event->kind == TRACE_RULE && event->rule.outcome != RULE_UNMATCHED)
 *                     coverage_count(coverage, event->rule.name);
 *     }
 *     const struct trace trace = {on_event, &coverage};
 *     policy_mutate(policy, &review, &arena, &decision, &trace);
 *
 * policy_mutate sends TRACE_EXEMPT, TRACE_TENANT, TRACE_CHANGE, and TRACE_RULE. policy_validate
 * sends TRACE_EXEMPT, TRACE_TENANT, TRACE_GUARD, and TRACE_GANG. policy_trace_charges, which a
 * ledger calls, sends TRACE_RESOURCE, TRACE_COST, and TRACE_QUOTA. A consumer must ignore the kinds
 * that it does not know.
 */
#ifndef GPUGATE_TRACE_H
#define GPUGATE_TRACE_H

#include "gpugate/decision.h"
#include "gpugate/policy.h"
#include "gpugate/quota.h"

enum trace_kind {
	TRACE_EXEMPT,   /* Settings exempt the whole review. */
	TRACE_TENANT,   /* Once: which tenant the Pod belongs to. */
	TRACE_CHANGE,   /* One change to the Pod, by a Rule or a Guard. */
	TRACE_RULE,     /* Once for each Rule, in the order of evaluation, after all changes. */
	TRACE_GUARD,    /* Once for each Guard, or once for each of its violations. */
	TRACE_GANG,     /* At most once: the Rule that decides the group of the Pod. */
	TRACE_RESOURCE, /* Once for each resource that is counted: the possible models. */
	TRACE_COST,     /* What that resource costs in one quota; follows its TRACE_RESOURCE. */
	TRACE_QUOTA,    /* Once for each quota on the tenant's path, nearest first. */
};

/* What an exemption matched in the review. */
enum exempt_by { EXEMPT_BY_NAMESPACE, EXEMPT_BY_USER, EXEMPT_BY_GROUP };

struct exemption {
	enum exempt_by by;
	struct str value;   /* In the review. */
	struct str pattern; /* In the policy: the name or glob that matches it. */
};

/* How a tenant claims the namespace. */
enum trace_claim {
	CLAIM_NONE,     /* No tenant claims it. */
	CLAIM_NAME,     /* `namespaces` contains its name. */
	CLAIM_GLOB,     /* `namespaces` contains a glob that matches its name. */
	CLAIM_SELECTOR, /* `namespaceSelector` matches its labels. */
};

struct trace_tenant {
	struct str name;  /* Absent: none. */
	struct str other; /* Another tenant that also claims the namespace; absent: none. */
	enum trace_claim claim;
	struct str pattern;               /* CLAIM_NAME, CLAIM_GLOB: the name or glob. */
	struct policy_location other_at;  /* Of `other`. */
	struct pairs labels;              /* Of the namespace; selectors match these. */
	struct policy_location labels_at; /* The policy document that they come from, if any. */
};

enum trace_rule_outcome {
	RULE_UNMATCHED, /* `condition` is the first condition that does not hold. */
	RULE_SATISFIED, /* It matches, but the Pod already is as the Rule wants it. */
	RULE_REPORTED,  /* Its enforcement only reports what it would change or refuse. */
	RULE_CHANGED,   /* It changed the Pod: see the TRACE_CHANGE events with its name. */
	RULE_DENIED,    /* It cannot be applied, so the Pod is refused. */
	RULE_SKIPPED,   /* Not evaluated: an earlier Rule refused the Pod. */
};

/* In the order in which they are checked. */
enum trace_condition {
	CONDITION_NONE,
	CONDITION_TENANTS,             /* match.tenants */
	CONDITION_NAMESPACES,          /* match.namespaces */
	CONDITION_NAMESPACE_SELECTOR,  /* match.namespaceSelector */
	CONDITION_POD_SELECTOR,        /* match.podSelector */
	CONDITION_ANNOTATION_SELECTOR, /* match.annotationSelector */
	CONDITION_REQUESTS,            /* match.requests */
	CONDITION_REWRITE,             /* A Rule without `inject` has nothing to rewrite. */
	CONDITION_MAX_PER_CONTAINER,   /* A container exceeds rewrite[].maxPerContainer. */
	CONDITION_TO_CLAIM,            /* A claim gives a container something else. */
	CONDITION_PLACEMENT,           /* No node that the Pod selects has the new resource. */
};

struct trace_rule {
	struct str name;
	enum enforcement enforcement; /* As capped by Settings. */
	enum trace_rule_outcome outcome;
	enum trace_condition condition; /* RULE_UNMATCHED */
	/* Selectors: the label or annotation. CONDITION_REQUESTS and _REWRITE: the resource. */
	struct str key;
	enum selector_op op;         /* Selectors. */
	struct strs wanted;          /* Selectors, tenants, namespaces: what the policy lists. */
	struct str found;            /* What was found instead; absent: nothing. */
	int64_t min, max, requested; /* CONDITION_REQUESTS: the range, and the effective request. */
};

/* One change. `kind` says which members are set. */
struct trace_change {
	struct str by; /* Name of the Rule or Guard. */
	bool by_guard;
	enum edit_kind kind;
	struct str container; /* EDIT_RESOURCE, EDIT_ENV, EDIT_CLAIM_USE */
	struct str key;       /* The label, variable, claim, or removed resource. */
	struct str was;       /* The value before; absent: none. */
	/* The new value, added resource, or template of the claim; absent: none. */
	struct str value;
	int64_t amount;                      /* EDIT_RESOURCE: how many. */
	const struct toleration *toleration; /* EDIT_TOLERATION */
};

enum trace_guard_outcome {
	GUARD_PASSED,   /* It found nothing in the Pod. */
	GUARD_VIOLATED, /* The decision has a violation for `check`. */
	GUARD_EXEMPTED, /* Its own `exempt` matches this review. */
};

struct trace_guard {
	struct str name;
	enum enforcement enforcement; /* As capped by Settings. */
	enum trace_guard_outcome outcome;
	struct str check;           /* GUARD_VIOLATED: the word in `deny`, or "hostPaths". */
	struct str part;            /* GUARD_VIOLATED: the same, or "visibleDevices". */
	struct str container;       /* GUARD_VIOLATED; absent: the Pod as a whole. */
	struct exemption exemption; /* GUARD_EXEMPTED */
};

/* The Rule that admits the group of the Pod only as a whole, as the decision has it. */
struct trace_gang {
	struct str rule;
	uint32_t seconds;
};

/* Why a resource counts as certain models. */
enum trace_models {
	MODELS_NONE,      /* No Accelerator has the resource: it counts by its name. */
	MODELS_ANY,       /* The Pod's node constraints exclude no Accelerator that has it. */
	MODELS_PLACEMENT, /* The Pod's node constraints allow only these Accelerators. */
	MODELS_NODE,      /* The Pod is bound to a node that has these. */
};

struct trace_resource {
	struct str resource;
	int64_t count; /* The Pod's effective request, as it is counted. */
	/*
	 * Of a claim: it can be met instead of the resource before it. Each quota is charged the
	 * most expensive of such alternatives.
	 */
	bool alternative;
	enum trace_models why;
	struct strs models; /* The Accelerators that the Pod could get it from. */
	bool unknown;       /* The Pod could also run on nodes with an unknown Accelerator. */
	/* MODELS_NONE: it is a MIG slice that no Accelerator offers, although some offer others. */
	bool not_offered;
	struct str near; /* The most similar slice that is offered; absent: none is similar. */
};

struct trace_cost {
	uint32_t quota; /* For policy_quota. */
	struct str resource;
	int64_t count;
	/* The cost of one, in policy units, as the most expensive model that the quota counts. */
	wide each;
	wide amount;      /* count * each */
	bool unmeasured;  /* The quota measures memory, which is unknown: it is not charged. */
	struct str model; /* That model; absent: charged by name, or as a whole device. */
	struct policy_location model_at;
};

struct trace_quota {
	uint32_t quota; /* For policy_quota. */
	bool counts;    /* Otherwise, `requested` and `of_group` are 0. */
	wide requested, used, pending;
	wide of_group;  /* Of the Pods of the same group that are still to come. */
	wide projected; /* What would be held: the sum of these four. */
	wide limit;     /* hard + borrowUpTo; meaningless if the quota is unlimited. */
	wide left;      /* What is free before the Pod is charged, within all limits. */
	bool above_limit, above_cohort;
	bool denies; /* One of these is true, and it is enforced. */
};

struct trace_event {
	enum trace_kind kind;
	/*
	 * The document that decided: Settings, Tenant, Rule, or Guard. For TRACE_COST and
	 * TRACE_QUOTA, the quota; for TRACE_RESOURCE, nothing.
	 */
	struct policy_location at;
	union {
		struct exemption exempt;
		struct trace_tenant tenant;
		struct trace_change change;
		struct trace_rule rule;
		struct trace_guard guard;
		struct trace_gang gang;
		struct trace_resource resource;
		struct trace_cost cost;
		struct trace_quota quota;
	};
};

struct trace {
	void (*event)(void *context, const struct trace_event *event);
	void *context;
};

/* What is charged for the consumer, as policy_charge wrote it. */
struct trace_charges {
	const struct charge *charges;
	uint32_t count;
	/* The same with what is still to come of its group, for each quota once. */
	const struct charge *whole;
	uint32_t whole_count;
};

/*
 * Sends what a consumer costs, and what that means for the quotas on its tenant's path: the events
 * TRACE_RESOURCE, TRACE_COST, and TRACE_QUOTA. `charges` are those with the same labels; `held` is
 * as in policy_exceeded. Uses the arena; if it is exhausted, events are left out. `trace` must not
 * be NULL.
 */
void policy_trace_charges(const struct policy *policy, const struct consumer *consumer, const struct pairs *labels,
			  const struct trace_charges *charges, const struct held *held, struct arena *arena,
			  const struct trace *trace);

#endif
