/*
 * scope: which Pods a policy could change, or refuse though they ask for no accelerator: what the API server has to be
 * told when it is to show gpugate only these. Never too little: what cannot be said by the Pod alone (tenants, labels
 * of namespaces, who asks, how much is asked) is taken to match. Tables only, no I/O; safe on any number of threads.
 */
#ifndef GPUGATE_SCOPE_H
#define GPUGATE_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/arena.h"
#include "gpugate/pairs.h"
#include "gpugate/policy.h"
#include "gpugate/str.h"

/* A label that Pods must have. */
struct reach_label {
	struct str key;
	struct strs values; /* one of these; none: any */
};

/* A Rule that looks for no accelerator: it injects into every Pod of these namespaces that has all of these labels. */
struct reach_rule {
	struct strs namespaces; /* globs; none: any */
	const struct reach_label *labels;
	uint32_t label_count;
	bool refuses; /* /validate may refuse the Pod because of it: it is required, or denies what contradicts it */
};

struct reach {
	struct strs resources; /* names, sorted: all other Rules do nothing to a Pod that asks for none of these */
	const struct reach_rule *rules;
	uint32_t rule_count;
	bool guards; /* there is a Guard, or a Rule above refuses: some Pod without accelerators could be refused */
	bool
	    voids; /* some Guard makes visible devices void, be it on audit: to enforce it needs no registration then */
	struct strs void_names;        /* the variables that it sets */
	struct strs exempt_namespaces; /* of Settings, names only: globs are left to the evaluation; sorted */
	/* Annotations that some Guard could refuse: the same for every policy. Of the first, keys that begin so; of the
	 * second, keys. */
	struct strs device_annotations, fraction_annotations;
};

/* Borrows from the policy and the arena. Returns -1 when the arena is exhausted. */
int policy_reach(const struct policy *policy, struct arena *arena, struct reach *reach);

#endif
