/*
 * decision: what a policy finds in a review, and what it changes. Pure: no I/O, no locks, no clock, no state between
 * calls. The same snapshot and the same review give the same decision on every thread and every machine.
 */
#ifndef GPUGATE_DECISION_H
#define GPUGATE_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/holding.h"
#include "gpugate/pod.h"
#include "gpugate/policy_enums.h"
#include "gpugate/str.h"

struct arena;
struct charge;
struct excess;
struct policy;
struct review;

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
 * the manifest undoes it, whichever Rule it was; otherwise nothing. A Rule that cannot be applied denies. Returns -1 only
 * when the arena is exhausted.
 */
int policy_mutate(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision);

/*
 * What /validate finds in a review before the ledger is asked: Guards, required Rules, tenancy, coverage. Judges the
 * object as it came, whoever mutated it. Fills decision->holding when the ledger has to be asked. Returns -1 only when
 * the arena is exhausted.
 */
int policy_validate(const struct policy *policy, const struct review *review, struct arena *arena,
		    struct decision *decision);

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

#endif
