/*
 * scope: which Pods a policy could change, or deny although they request no accelerator. The
 * webhooks are registered for these Pods only. The scope is never too small: conditions that do not
 * depend on the Pod alone (tenants, labels of namespaces, the user, amounts) count as met. Pure: no
 * I/O. Safe on any number of threads.
 */
#ifndef GPUGATE_SCOPE_H
#define GPUGATE_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/arena.h"
#include "gpugate/pairs.h"
#include "gpugate/policy.h"
#include "gpugate/str.h"
#include "gpugate/workload_paths.h"

/* A label that Pods must have. */
struct scope_label {
	struct str key;
	struct strs values; /* The value must be one of these; empty: any value. */
};

/*
 * A Rule that requires no resource request: it injects into all Pods of these namespaces that have
 * all of these labels.
 */
struct scope_rule {
	struct strs namespaces; /* Globs; empty: any namespace. */
	const struct scope_label *labels;
	uint32_t label_count;
	/* /validate may deny a Pod because of it: it is required, or denies conflicting Pods. */
	bool denies;
};

struct policy_scope {
	/* Sorted names. The Rules not in `rules` ignore a Pod that requests none of these. */
	struct strs resources;
	const struct scope_rule *rules;
	uint32_t rule_count;
	/* A Guard, or a Rule in `rules`, could deny a Pod that requests no accelerator. */
	bool guards;
	/*
	 * Some Guard, possibly one in audit, sets visible devices to void. Guards in audit count,
	 * so that enforcing them later does not change the registration.
	 */
	bool voids;
	bool claims;        /* Some Guard checks claims of devices when they are created. */
	bool counts_claims; /* See policy_counts_claims. */
	bool early_answers; /* Some Tenant wants an answer when a workload is applied. */
	/*
	 * Some Rule admits groups of Pods only as a whole, or would if Settings.enforcement were
	 * deny: what is needed then should be there before.
	 */
	bool gangs;
	/* Custom resources of which the policy says where they keep Pods. */
	const struct workload_paths *workloads;
	uint32_t workload_count;
	struct strs void_names; /* The variables that it sets. */
	/* Sorted exact names from Settings. The evaluation handles the globs. */
	struct strs exempt_namespaces;
	/*
	 * Annotations that a Guard could deny, the same for every policy: domains of keys for the
	 * first list, whole keys for the second.
	 */
	struct strs device_annotations, fraction_annotations;
};

/*
 * Computes the scope, which borrows from the policy and the arena. Returns 0, or -1 if the arena is
 * exhausted.
 */
int policy_scope(const struct policy *policy, struct arena *arena, struct policy_scope *scope);

#endif
