/*
 * trace: the steps of one decision, for commands that explain decisions or count what decided them.
 *
 * The caller of a decision may pass a trace. In `gpugate serve` it is NULL; then nothing is allocated
 * or computed for it. Otherwise `event` is called for each step, on the thread that decides. Events
 * borrow from the policy, the review, and the arena of the request; their arrays may only be used
 * until `event` returns.
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
 * policy_mutate sends TRACE_EXEMPT, TRACE_TENANT, TRACE_CHANGE and TRACE_RULE; policy_validate
 * sends TRACE_EXEMPT, TRACE_TENANT and TRACE_GUARD; policy_trace_charges, which a ledger calls,
 * sends TRACE_RESOURCE, TRACE_COST and TRACE_QUOTA. A consumer ignores the kinds that it does not
 * know.
 */
#ifndef GPUGATE_TRACE_H
#define GPUGATE_TRACE_H

#include "gpugate/decision.h"
#include "gpugate/policy.h"
#include "gpugate/quota.h"

enum trace_kind {
	TRACE_EXEMPT,   /* Settings exempt the whole review. */
	TRACE_TENANT,   /* Once: whose Pod it is. */
	TRACE_CHANGE,   /* One change of the Pod, by a Rule or by a Guard with `visibleDevices: void`. */
	TRACE_RULE,     /* Once for each Rule, in the order of evaluation, after all changes. */
	TRACE_GUARD,    /* Once for each Guard, or once for each of its objections. */
	TRACE_RESOURCE, /* Once for each resource that is counted: as which models, and why. */
	TRACE_COST,     /* What that resource costs in one quota; follows its TRACE_RESOURCE. */
	TRACE_QUOTA,    /* Once for each quota on the tenant's path, nearest first. */
};

/* What of a review an exemption matched. */
enum exempt_by { EXEMPT_BY_NAMESPACE, EXEMPT_BY_USER, EXEMPT_BY_GROUP };

struct exemption {
	enum exempt_by by;
	struct str value;   /* Of the review. */
	struct str pattern; /* Of the policy: the name or glob that matches it. */
};

/* How a tenant claims a namespace. */
enum trace_claim {
	CLAIM_NONE,     /* No tenant does. */
	CLAIM_NAME,     /* `namespaces` has its name. */
	CLAIM_GLOB,     /* `namespaces` has a glob that matches it. */
	CLAIM_SELECTOR, /* `namespaceSelector` matches its labels. */
};

struct trace_tenant {
	struct str name;  /* Absent: none. */
	struct str other; /* A second tenant that claims the namespace as well; absent: none. */
	enum trace_claim claim;
	struct str pattern;               /* CLAIM_NAME, CLAIM_GLOB. */
	struct policy_location other_at;  /* Of `other`. */
	struct pairs labels;              /* Of the namespace, by which selectors are decided. */
	struct policy_location labels_at; /* The policy's own document of the namespace, if they are its labels. */
};

enum trace_rule_outcome {
	RULE_UNMATCHED, /* A condition does not hold: `condition` is the first one. */
	RULE_SATISFIED, /* It matches this Pod, which already is as the Rule wants it. */
	RULE_REPORTED,  /* It would change or refuse this Pod, and only reports it, by its enforcement. */
	RULE_CHANGED,   /* It changed the Pod: see the events TRACE_CHANGE of its name. */
	RULE_REFUSED,   /* It cannot be applied, and the Pod is refused. */
	RULE_SKIPPED,   /* Not evaluated: an earlier Rule refused the Pod. */
};

/* In the order in which they are looked at. */
enum trace_condition {
	CONDITION_NONE,
	CONDITION_TENANTS,             /* match.tenants */
	CONDITION_NAMESPACES,          /* match.namespaces */
	CONDITION_NAMESPACE_SELECTOR,  /* match.namespaceSelector */
	CONDITION_POD_SELECTOR,        /* match.podSelector */
	CONDITION_ANNOTATION_SELECTOR, /* match.annotationSelector */
	CONDITION_REQUESTS,            /* match.requests */
	CONDITION_REWRITE,             /* The Pod requests nothing that a Rule without `inject` rewrites. */
	CONDITION_MAX_PER_CONTAINER,   /* A container requests more than rewrite[].maxPerContainer. */
	CONDITION_PLACEMENT,           /* The Pod selects other nodes than those that have the result of a rewrite. */
};

struct trace_rule {
	struct str name;
	enum enforcement enforcement; /* Capped by Settings. */
	enum trace_rule_outcome outcome;
	enum trace_condition condition; /* RULE_UNMATCHED */
	struct str key;          /* Selectors: the label or annotation. CONDITION_REQUESTS, _REWRITE: the resource. */
	enum selector_op op;     /* Selectors. */
	struct strs wanted;      /* Selectors, tenants, namespaces: what the policy lists. */
	struct str found;        /* ... what there is instead; absent: nothing. */
	int64_t min, max, asked; /* CONDITION_REQUESTS: the range, and the Pod's effective request. */
};

/* One change. `kind` says which members count. */
struct trace_change {
	struct str by; /* Name of the Rule or Guard. */
	bool by_guard;
	enum edit_kind kind;
	struct str container; /* EDIT_RESOURCE, EDIT_ENV */
	struct str key;       /* EDIT_RESOURCE: the name that goes. Otherwise the label or variable. */
	struct str was;       /* The value before; absent: none. */
	struct str value;     /* EDIT_RESOURCE: the name that comes; absent: none comes. Otherwise the new value. */
	int64_t amount;       /* EDIT_RESOURCE: how many. */
	const struct toleration *toleration; /* EDIT_TOLERATION */
};

enum trace_guard_outcome {
	GUARD_PASSED,   /* It looked at the Pod and found nothing. */
	GUARD_OBJECTED, /* It found something: the decision has an objection named `check`. */
	GUARD_EXEMPTED, /* Its own `exempt` leaves this review alone. */
};

struct trace_guard {
	struct str name;
	enum enforcement enforcement; /* Capped by Settings. */
	enum trace_guard_outcome outcome;
	struct str check;           /* GUARD_OBJECTED: the word of `deny`, or hostPaths. */
	struct str container;       /* GUARD_OBJECTED: absent: the Pod as a whole. */
	struct exemption exemption; /* GUARD_EXEMPTED */
};

/* Why a resource is counted as certain models. */
enum trace_models {
	MODELS_NONE,      /* No Accelerator has the resource: it is counted by its name. */
	MODELS_ANY,       /* What the Pod requires of its node excludes no Accelerator that has it. */
	MODELS_PLACEMENT, /* What the Pod requires of its node allows these Accelerators only. */
	MODELS_NODE,      /* The Pod is bound to a node of these. */
};

struct trace_resource {
	struct str resource;
	int64_t count; /* Effective request of the Pod, as it is counted. */
	enum trace_models why;
	struct strs models; /* Names of the Accelerators that have the resource and could be meant. */
	bool unknown;       /* The Pod could also land on nodes of which the policy knows no Accelerator. */
};

struct trace_cost {
	uint32_t quota; /* For policy_quota. */
	struct str resource;
	int64_t count;
	wide each;        /* Of one, in units of the policy: the dearest of the models that the quota counts. */
	wide amount;      /* count * each */
	bool unmeasured;  /* The quota measures memory, which is not known: nothing is charged. */
	struct str model; /* The Accelerator by which it is charged; absent: by name, or as a whole device. */
	struct policy_location model_at;
};

struct trace_quota {
	uint32_t quota; /* For policy_quota. */
	bool counts;    /* The Pod is charged here; otherwise `requested` is 0. */
	wide requested, used, pending;
	wide projected; /* What would be held: the sum of these three. */
	wide limit;     /* hard + borrowUpTo; of no meaning where the quota is unlimited. */
	wide left;      /* What still fits without this Pod, below the limit and what the cohort leaves. */
	bool above_limit, above_cohort;
	bool refuses; /* One of these, and the tenant enforces it. */
};

struct trace_event {
	enum trace_kind kind;
	/*
	 * The document that decided: Settings, the Tenant, Rule or Guard. For TRACE_COST and
	 * TRACE_QUOTA the quota; for TRACE_RESOURCE none.
	 */
	struct policy_location at;
	union {
		struct exemption exempt;
		struct trace_tenant tenant;
		struct trace_change change;
		struct trace_rule rule;
		struct trace_guard guard;
		struct trace_resource resource;
		struct trace_cost cost;
		struct trace_quota quota;
	};
};

struct trace {
	void (*event)(void *context, const struct trace_event *event);
	void *context;
};

/*
 * Sends what a holding costs and what that means for the quotas on its tenant's path: the events
 * TRACE_RESOURCE, TRACE_COST and TRACE_QUOTA. `charges` is what policy_charge wrote for the holding
 * with the same labels; `held` as in policy_exceeded. Uses the arena; without memory, events are
 * left out. `trace` must not be NULL.
 */
void policy_trace_charges(const struct policy *policy, const struct holding *holding, const struct pairs *labels,
			  const struct charge *charges, uint32_t count, const struct held *held, struct arena *arena,
			  const struct trace *trace);

#endif
