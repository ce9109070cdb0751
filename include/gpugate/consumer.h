/*
 * consumer: what a Pod or a ResourceClaim requests, and where it can run. This is all that a ledger
 * keeps of it, so that it can charge it again when the policy changes. Pure: no I/O, no locks, no
 * state between calls. Safe on any number of threads.
 */
#ifndef GPUGATE_CONSUMER_H
#define GPUGATE_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

struct arena;
struct claim;
struct pairs;
struct pod;
struct policy;

/*
 * The effective request of a whole Pod for one extended resource. A Pod that requests more than
 * RESOURCE_REQUEST_MAX accelerators is denied. Other resources may be requested in bytes, so they
 * are counted up to COMPANION_MAX (8Pi).
 *
 * These bounds keep sums exact: with at most 2^32 units in 1, a million Pods use less than 2^105
 * units of a companion.
 */
struct resource_request {
	struct str resource;
	int64_t count; /* 1 to COMPANION_MAX. */
	/*
	 * It can be met instead of the request before it. Of such a group of alternatives, each
	 * quota is charged the most expensive one. Only claims have alternatives.
	 */
	bool alternative;
};
#define RESOURCE_REQUEST_MAX 1000000000
/*
 * Bytes of the longest name of a resource: that of a part of a device, whose class has the longest
 * name (policy_claim_requests). Those of other resources are shorter.
 */
#define RESOURCE_NAME_MAX 361
#define COMPANION_MAX (INT64_C(1) << 53)

/* Returns `count` for so many Pods, at most COMPANION_MAX: no cluster has more. Pure. */
static inline int64_t companion_times(int64_t count, int64_t pods)
{
	int64_t product;
	return __builtin_mul_overflow(count, pods, &product) || product > COMPANION_MAX ? COMPANION_MAX : product;
}

/* An order of requests by resource, for qsort and bsearch. Pure. */
static inline int resource_request_order(const void *a, const void *b)
{
	return str_cmp(((const struct resource_request *)a)->resource, ((const struct resource_request *)b)->resource);
}

/*
 * What holds accelerators. The API server reports each kind by a watch of its own, whose versions
 * compare only with each other.
 */
enum consumer_kind { CONSUMER_POD, CONSUMER_CLAIM, CONSUMER_KINDS };

#define GANG_REQUESTS_MAX 128

/*
 * What all Pods of a group request together, for a Pod of which a Rule says that the group is
 * admitted only as a whole (`gangs: allOrNothing`). Those that exist are part of it.
 */
struct gang {
	/*
	 * How many Pods it has, each of which requests `requests`; 0: `requests` is what all of
	 * them request together, at most GANG_REQUESTS_MAX.
	 */
	int64_t pods;
	/* As of one Pod, without alternatives: no resource appears twice. */
	const struct resource_request *requests;
	uint32_t request_count;
	/* The models on which some of the Pods can run; empty: any. */
	const struct str *models;
	uint32_t model_count;
	uint32_t seconds; /* How long what the others request is reserved; positive. */
};

/*
 * What a ledger keeps of a Pod or of a claim. It contains no charges, so that each version of the
 * policy can compute its own.
 *
 * `models` names the Accelerators whose nodes the Pod can run on, by what it requires of its node,
 * for the resources that it requests. An empty list means any model. MODEL_UNKNOWN in it stands for
 * a model that the policy does not know.
 *
 * `node_models` names the models of the node that the Pod is bound to, or that has all devices of a
 * claim which is charged as it is allocated. It is empty without such a node, or if the node has no
 * model. It takes precedence over `models`, except for a resource that no quota would then count:
 * binding a Pod never makes it uncounted.
 */
struct consumer {
	enum consumer_kind kind;
	struct str uid;
	struct str namespace;
	struct str name;
	const struct resource_request *requests;
	uint32_t request_count;
	/*
	 * Of a claim that the view knows to be allocated (policy_claim_allocated). It is charged
	 * instead of `requests` if the policy says so, and another policy may not: both are kept.
	 */
	bool is_allocated;
	const struct resource_request *allocated;
	uint32_t allocated_count;
	const struct str *models;
	uint32_t model_count; /* At most CONSUMER_MODELS_MAX. */
	const struct str *node_models;
	uint32_t node_model_count;
	/* The group of a Pod, within its namespace (pod_group.h); absent: it is in none. */
	struct str group;
	/* For a decision, which does not keep it. NULL: the Pod is decided alone. */
	const struct gang *gang;
	/*
	 * Not 0: it is no Pod, but the reservation for the Pods of `group` that are still to come,
	 * for so long. Each renewal changes `renewal`.
	 */
	uint32_t reserved_seconds;
	uint32_t renewal;
};

/* Returns the end of the group of alternatives that begins with the request `first`. Pure. */
static inline uint32_t consumer_group_end(const struct consumer *consumer, uint32_t first)
{
	uint32_t end = first + 1;
	while (end < consumer->request_count && consumer->requests[end].alternative)
		end++;
	return end;
}

/* Whether two lists of requests are the same, in the same order. Pure. */
static inline bool resource_requests_same(const struct resource_request *a, uint32_t a_count,
					  const struct resource_request *b, uint32_t b_count)
{
	bool same = a_count == b_count;
	for (uint32_t i = 0; same && i < a_count; i++)
		same = a[i].count == b[i].count && a[i].alternative == b[i].alternative &&
		       str_eq(a[i].resource, b[i].resource);
	return same;
}

/* Whether two consumers request the same, in the same order. Pure. */
static inline bool consumer_same_requests(const struct consumer *a, const struct consumer *b)
{
	return resource_requests_same(a->requests, a->request_count, b->requests, b->request_count);
}

/* Whether neither of two consumers is allocated, or both have been given the same. Pure. */
static inline bool consumer_same_allocation(const struct consumer *a, const struct consumer *b)
{
	return a->is_allocated == b->is_allocated &&
	       resource_requests_same(a->allocated, a->allocated_count, b->allocated, b->allocated_count);
}

#define MODEL_UNKNOWN STR("?")  /* No Accelerator can have that name. */
#define CONSUMER_MODELS_MAX 256 /* A Pod with more models is kept as one that can run on any. */

/*
 * Computes the effective requests of a Pod for all extended resources, accelerators or not: another
 * policy may declare any of them an accelerator. Each is at most COMPANION_MAX, and quantities that
 * are not integers are left out. Sets `*requests`, sorted by resource, to an array in the arena
 * whose strings borrow from the Pod. Returns 0, or -1 if the arena is exhausted.
 */
int policy_pod_requests(const struct pod *pod, struct arena *arena, const struct resource_request **requests,
			uint32_t *count);

/*
 * Computes what a claim requests, in the names that Pods use for device classes
 * (deviceclass.resource.kubernetes.io/CLASS): the same as policy_pod_requests for a Pod whose
 * `as_claim` it is. The claim must be bounded (policy_claim_bounded). Where it tells which part of
 * a device it requests, the name says so: CLASS[profile=1g.10gb], or CLASS[memory=10Gi]. A policy
 * that does not divide devices of the class counts the class.
 *
 * These are what it can be given, whatever it has been given: the alternatives of each request stay
 * together, in their order, and `alternative` is set from the second one on. `All` counts as
 * CLAIM_DEVICES_MAX, and so does at least what this version of gpugate cannot count. What is used
 * with adminAccess is not held, and a claim that a scheduler has marked holds what its Pod has
 * requested by name: neither counts.
 *
 * Sets `*requests`, not sorted, to an array in the arena whose strings are in the arena, too.
 * Returns 0, or -1 if the arena is exhausted.
 */
int policy_claim_requests(const struct claim *claim, struct arena *arena, const struct resource_request **requests,
			  uint32_t *count);

/*
 * Computes what a claim has been given, in the same names, if it is allocated. What cannot be
 * decided counts as it is requested: a request without a result, with fewer devices than it is for,
 * or of a form that is not known. Sets `is_allocated` and the list of the consumer. It is false if
 * there is no allocation, or one that cannot be decided at all: it has too many results, one that
 * is of no request, or two requests have the same name.
 *
 * The list is as that of policy_claim_requests. Returns 0, or -1 if the arena is exhausted.
 */
int policy_claim_allocated(const struct claim *claim, struct arena *arena, struct consumer *consumer);

/*
 * Whether the consumer is a claim that is charged as what it has been given: it is allocated, and
 * Settings.chargeClaims is asAllocated.
 */
bool policy_charges_allocation(const struct policy *policy, const struct consumer *consumer);

/* Returns what a consumer is charged for, with `*count` rows. Borrows from the consumer. */
const struct resource_request *policy_charged_requests(const struct policy *policy, const struct consumer *consumer,
						       uint32_t *count);

/*
 * Sets what a placement requires of nodes, for a claim whose selectors require products in every
 * way in which it can be met: the label of one of the products, as `by_product` says. Otherwise, or
 * if that would not be bounded (policy_placement_bounded), the placement stays as it is, which
 * requires nothing. Memory is in the arena. Returns 0, or -1 if it is exhausted.
 */
int policy_claim_placement(const struct claim *claim, struct arena *arena, struct pod *placement);

/*
 * Whether a claim has no more ways to meet its requests than the API server allows
 * (CLAIM_OPTIONS_MAX). The reader of a watch and admission refuse others, so that none is charged
 * for a part of what it requests. Pure.
 */
bool policy_claim_bounded(const struct claim *claim);

/*
 * Whether what the Pod requires of its node is short enough to be evaluated and kept. Otherwise the
 * Pod counts as one that can run on any model, even on an unknown one.
 */
bool policy_placement_bounded(const struct pod *pod);

/*
 * Whether one of the demands is for an accelerator, or for a resource that some quota names.
 * Otherwise no quota can count the Pod.
 */
bool policy_counts_some(const struct policy *policy, const struct resource_request *requests, uint32_t count);

/*
 * Returns the name of the device class if this is the name for a part of a device, such as
 * deviceclass.resource.kubernetes.io/CLASS[profile=1g.10gb]; any other name as it is. Pure.
 */
struct str resource_without_part(struct str name);

/*
 * Whether a resource is an extended one: its name has a domain that is not one of Kubernetes
 * (IsExtendedResourceName in k8s.io/kubernetes/pkg/apis/core/v1/helper), or it is the name that a
 * device class gives to its devices.
 */
bool resource_is_extended(struct str name);

/*
 * Sets the models of a consumer from what the Pod requires of its node. The requests of the
 * consumer must be set. The names borrow from the policy, and the list is in the arena. Returns 0,
 * or -1 if the arena is exhausted.
 */
int policy_place(const struct policy *policy, const struct pod *pod, struct arena *arena, struct consumer *consumer);

/* How the labels of a node match the Accelerators, for a Pod that is bound to it. Bits. */
enum node_fit {
	/* For some resource of the Pod, the labels match no Accelerator. */
	NODE_OF_NO_MODEL = 1,
	NODE_OF_SEVERAL_MODELS = 2, /* For some resource, they match several Accelerators. */
};

/*
 * Sets the node_models of a consumer from the labels of its node, for what it is charged for
 * (policy_charged_requests). That must be set; names and list are as for policy_place. Returns bits
 * of enum node_fit, or -1 if the arena is exhausted.
 */
int policy_place_on_node(const struct policy *policy, const struct pairs *labels, struct arena *arena,
			 struct consumer *consumer);

#endif
