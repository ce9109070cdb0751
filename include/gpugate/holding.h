/*
 * holding: what a Pod requests, and where it can run. That is all that a ledger keeps of a Pod, so that any policy can
 * charge it. Pure: no I/O, no locks, no state between calls; safe on any number of threads.
 */
#ifndef GPUGATE_HOLDING_H
#define GPUGATE_HOLDING_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

struct arena;
struct pairs;
struct pod;
struct policy;

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

#endif
