/*
 * decision: what a policy finds in a review and what it changes. Pure: no I/O, no locks, no clock,
 * no state between calls. The same snapshot and the same review give the same decision on every
 * thread and every machine.
 *
 * Strings of a decision borrow from the review, the policy or the arena; names and messages of
 * violations are in the arena. Functions that return an int return 0, or -1 if the arena is
 * exhausted.
 */
#ifndef GPUGATE_DECISION_H
#define GPUGATE_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/consumer.h"
#include "gpugate/pod.h"
#include "gpugate/policy_enums.h"
#include "gpugate/str.h"

struct arena;
struct charge;
struct quota_violation;
struct policy;
struct review;
struct trace; /* gpugate/trace.h */

/* A change that /mutate makes, in terms of Pods and not of JSON. */
enum edit_kind {
	/* In requests or limits of a container: remove `from`, set `key` to `value`. */
	EDIT_RESOURCE,
	EDIT_ENV,           /* Set the environment variable `key` to the literal `value`. */
	EDIT_NODE_SELECTOR, /* Set nodeSelector[key] to `value`. */
	EDIT_TOLERATION,    /* Append `toleration`. */
	EDIT_RUNTIME_CLASS, /* Set runtimeClassName to `value`. */
	/* Append the claim `key` from the template `value` to resourceClaims of the Pod. */
	EDIT_CLAIM,
	/* Append the claim `key` to resources.claims of a container, which has `resources`. */
	EDIT_CLAIM_USE,
};

struct edit {
	enum edit_kind kind;
	/* EDIT_RESOURCE, EDIT_ENV, EDIT_CLAIM_USE: index into pod.containers. */
	uint32_t container;
	bool limits;       /* EDIT_RESOURCE: in limits, otherwise in requests. */
	int32_t env_index; /* EDIT_ENV: index of the entry to replace; -1: append one. */
	struct str from;   /* EDIT_RESOURCE: key to remove; absent: none. */
	struct str key;
	struct str value;
	struct toleration toleration;
};

enum reason {
	REASON_NONE,
	REASON_QUOTA,
	REASON_UNCOVERED,
	REASON_UNTENANTED,
	REASON_AMBIGUOUS, /* Two tenants claim the namespace. */
	REASON_GUARD,
	REASON_RULE,     /* A Rule cannot be applied, or a required Rule was not applied. */
	REASON_REQUEST,  /* The resource request of the Pod is invalid, such as a fraction. */
	REASON_NO_MODEL, /* No Accelerator matches what the Pod requires of its node. */
	REASON_OUTAGE,
	REASON_BUSY, /* The tenant has too many pending Pods, or the request too little time. */
	/* Neither the policy nor the catalog knows a requested resource. */
	REASON_UNKNOWN_RESOURCE,
	REASONS,
};

/* Returns the value of the label `reason` in metrics and logs; static. */
const char *reason_name(enum reason reason);

/*
 * Workflow engines (Argo Workflows, Tekton, Airflow) retry a Pod that was denied with status 403
 * and a message that contains the words `exceeded quota`, and give up otherwise. Messages about
 * quotas start with this if waiting helps, and no other message contains the words.
 */
#define DECISION_WAIT "exceeded quota: "

#define MESSAGE_MAX 1023 /* Maximum bytes of a message. */

/* Something that was found against a Pod, whatever the enforcement. */
struct violation {
	enum reason reason;
	enum enforcement enforcement; /* DENY, WARN or AUDIT. */
	/* A name from the policy, such as a quota or Rule, never from the Pod; may be empty. */
	struct str name;
	struct str message; /* A complete sentence. */
	/*
	 * The text of the Pod that it is about, such as the name of a resource; absent: the Pod as
	 * a whole. It may also be a text of the policy that the Pod lacks.
	 */
	struct str about;
	bool only_changes; /* A Rule that does not deny would change the Pod, and not refuse it. */
	bool stays;        /* REASON_OUTAGE: it does not pass by itself, so a retry is no use. */
};

#define DECISION_VIOLATIONS_MAX 16

struct decision {
	struct str tenant; /* Tenant of the namespace; absent: none, or exempt. */
	bool exempt;
	bool mirror; /* A mirror Pod is charged and never denied. */
	struct violation violations[DECISION_VIOLATIONS_MAX];
	/* Number of violations that are kept. `denied` also reflects the others. */
	uint32_t violation_count;
	bool denied;
	const struct str *rules; /* Names of the Rules that changed the Pod, in that order. */
	uint32_t rule_count;
	const struct edit *edits; /* From policy_mutate only. */
	uint32_t edit_count;
	bool charged; /* From policy_validate: the ledger must decide about `consumer`. */
	/*
	 * What the Pod requests could not be decided, because not all DeviceClasses are known
	 * (device_classes.h). A violation says so, and onOutage decides.
	 */
	bool undecided;
	/*
	 * The Rule that admits the group of the Pod only as a whole, and how long it reserves what
	 * the others request; absent: there is none. From policy_validate, of what is charged.
	 */
	struct str gang_rule;
	uint32_t gang_seconds;
	struct consumer consumer;
};

/*
 * Computes what /mutate changes in the Pod of a review.
 *
 * On CREATE of a Pod, it applies Rules until nothing changes, and sets visible-devices variables to
 * void. On UPDATE of pods/ephemeralcontainers, it sets these variables to void. On UPDATE of a Pod,
 * it restores what it set on CREATE if an apply of the manifest would undo that, whichever Rule set
 * it. It ignores all other reviews. A Rule that cannot be applied denies the Pod. `trace` may be
 * NULL.
 */
int policy_mutate(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision, const struct trace *trace);

/*
 * Computes what /validate finds without the ledger: Guards, required Rules, tenancy and coverage.
 * It evaluates the object as it is, no matter who mutated it. If it sets decision->charged, the
 * ledger must decide about decision->consumer. `trace` may be NULL.
 */
int policy_validate(const struct policy *policy, const struct review *review, struct arena *arena,
		    struct decision *decision, const struct trace *trace);

/* What the messages of a denial need. policy_exceeded and policy_room produce it. */
struct quota_denial {
	const struct quota_violation *quota_violation;
	uint32_t quota_violation_count;
	const struct charge *room;
	uint32_t room_count;
};

/*
 * Adds a violation for each limit in `denial`. A message is like
 *
 *     exceeded quota: GPU quota "compute" of tenant "team-a": requested 1, used 5.71
 *     (+0.57 pending), limit 6.5, over by 0.78; 0.21 GPU is free;
 *     fits: 1 x nvidia.com/mig-1g.10gb (0.14)
 *
 * If a part of what is requested is for a group of Pods (quota_violation.of_group), it says so:
 *
 *     requested 4 (1 by this Pod, 3 by the Pods of its group that are still to come;
 *     Rule "whole-jobs" admits all or none), used ...
 *
 * Workflow engines wait if a message contains the words `exceeded quota`. The messages contain them
 * if and only if the request would be admitted with nothing used. A message about a request that
 * exceeds `most` starts with `can never fit: `.
 */
int policy_add_quota_violations(const struct policy *policy, const struct quota_denial *denial, struct arena *arena,
				struct decision *decision);

/*
 * Adds a violation because the ledger works but cannot decide this Pod now, for a reason that the
 * tenant has caused. onOutage does not apply. The Pod is denied if the tenant of the decision, or
 * one of its ancestors, has enforcement deny.
 */
int policy_add_busy_violation(const struct policy *policy, struct str why, struct arena *arena,
			      struct decision *decision);

/*
 * Adds a violation because the ledger could not be asked. onOutage decides about the enforcement.
 */
int policy_add_outage_violation(const struct policy *policy, struct str why, struct arena *arena,
				struct decision *decision);

/*
 * Does the same because of what an object says that is no answer. `why` ends with what helps;
 * trying again does not.
 */
int policy_add_fault_violation(const struct policy *policy, struct str why, struct arena *arena,
			       struct decision *decision);

#endif
