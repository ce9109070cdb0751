/* facts: what is kept of a Pod: what it requests and where it could land. */
#include "gpugate/claim.h"
#include "gpugate/pairs.h"
#include "gpugate/pod_group.h"
#include "webhook/ledger/state.h"

/*
 * Maximum number of names that quotas may count, and of other names. Admission accepts 64
 * accelerators and 64 other resources that quotas name.
 */
#define RESOURCE_REQUESTS_MAX 128

/*
 * Limits the memory for the requests of one Pod, because a tenant can store Pods that request
 * thousands of names. The same number of names that no quota counts is kept too, because another
 * policy may count them.
 */
static int bound_requests(struct ledger *ledger, struct consumer *consumer)
{
	struct resource_request *kept = arena_alloc(&ledger->scratch, 2 * (size_t)RESOURCE_REQUESTS_MAX * sizeof *kept);
	uint32_t counts[2] = {0}, count = 0; /* Of names that quotas may count, and of others. */
	if (!kept)
		return -1;
	for (uint32_t i = 0; i < consumer->request_count; i++) {
		bool other = !policy_counts_some(ledger->book.policy, &consumer->requests[i], 1);
		if (counts[other]++ < RESOURCE_REQUESTS_MAX)
			kept[count++] = consumer->requests[i];
	}
	consumer->requests = kept;
	consumer->request_count = count;
	return 0;
}

/* Adds to the labels of a node those of its devices whose keys it lacks. */
static int add_devices(struct ledger *ledger, struct str node, struct pairs *labels)
{
	const struct pairs *devices = labels_get(&ledger->devices, node);
	if (!devices)
		return 0;
	struct pair *all = arena_alloc(&ledger->scratch, (labels->count + (size_t)devices->count) * sizeof *all);
	uint32_t count = labels->count;
	if (!all)
		return -1;
	if (count)
		memcpy(all, labels->items, count * sizeof *all);
	for (uint32_t i = 0; i < devices->count; i++)
		if (!pairs_value(labels, devices->items[i].key))
			all[count++] = devices->items[i];
	*labels = (struct pairs){all, count, true};
	return 0;
}

/*
 * If no Accelerator has what the devices are, the node's own labels decide. So what a node is of by
 * withoutNodeLabels is not lost by a product that the policy does not know.
 */
static int place_on_node(struct ledger *ledger, struct str node, const struct pairs *labels, struct consumer *consumer)
{
	const struct policy *policy = ledger->book.policy;
	struct consumer by_own = *consumer;
	struct pairs all = *labels;
	if (add_devices(ledger, node, &all) < 0)
		return -1;
	int fit = policy_place_on_node(policy, &all, &ledger->scratch, consumer);
	if (fit < 0 || !(fit & NODE_OF_NO_MODEL) || all.count == labels->count)
		return fit;
	int own_fit = policy_place_on_node(policy, labels, &ledger->scratch, &by_own);
	if (own_fit >= 0 && own_fit & NODE_OF_NO_MODEL)
		return fit;
	*consumer = by_own;
	return own_fit;
}

int ledger_place(struct ledger *ledger, const struct pod *placement, struct consumer *consumer)
{
	const struct policy *policy = ledger->book.policy;
	const struct pairs *labels = labels_get(&ledger->labels[LEDGER_NODES], placement->node_name);
	if (policy_place(policy, placement, &ledger->scratch, consumer) < 0)
		return -1;
	consumer->node_models = NULL;
	consumer->node_model_count = 0;
	/* A claim that counts as what it requests may be allocated on any other node next. */
	if (consumer->kind == CONSUMER_CLAIM && !policy_charges_allocation(policy, consumer))
		return 0;
	return labels ? place_on_node(ledger, placement->node_name, labels, consumer) : 0;
}

struct str ledger_node_of(const struct pod *pod)
{
	return pod->as_claim ? pod->as_claim->allocation.node : pod->node_name;
}

int ledger_placement_of(struct ledger *ledger, const struct pod *pod, const struct consumer *consumer, struct pod *kept)
{
	*kept = (struct pod){.present = true, .node_name = ledger_node_of(pod)};
	if (!policy_counts_some(ledger->book.policy, consumer->requests, consumer->request_count) ||
	    !policy_placement_bounded(pod))
		return 0;
	if (pod->as_claim)
		return policy_claim_placement(pod->as_claim, &ledger->scratch, kept);
	kept->node_selector = pod->node_selector;
	kept->has_required_affinity = pod->has_required_affinity;
	kept->node_terms = pod->node_terms;
	kept->node_term_count = pod->node_term_count;
	return 0;
}

/* A claim is in no group, and neither is a Pod that holds nothing. */
static int find_group(struct ledger *ledger, const struct pod *pod, struct consumer *consumer)
{
	struct pod_group group;
	if (consumer->kind != CONSUMER_POD || consumer->request_count == 0)
		return 0;
	int result = pod_group_find(pod, &ledger->scratch, &group);
	consumer->group = result < 0 ? (struct str){0} : group.key;
	return result;
}

int ledger_facts_of(struct ledger *ledger, const struct pod *pod, struct consumer *consumer)
{
	arena_reset(&ledger->scratch);
	*consumer = (struct consumer){.kind = pod->as_claim ? CONSUMER_CLAIM : CONSUMER_POD,
				      .uid = pod->uid,
				      .namespace = pod->namespace,
				      .name = pod->name};
	if (policy_pod_requests(pod, &ledger->scratch, &consumer->requests, &consumer->request_count) < 0)
		return -1;
	/* The requests of a claim are bounded where it is read, and alternatives stay together. */
	if (consumer->kind == CONSUMER_CLAIM ? policy_claim_allocated(pod->as_claim, &ledger->scratch, consumer) < 0
					     : bound_requests(ledger, consumer) < 0)
		return -1;
	if (find_group(ledger, pod, consumer) < 0)
		return -1;
	struct pod placement;
	if (ledger_placement_of(ledger, pod, consumer, &placement) < 0)
		return -1;
	return consumer->request_count == 0 ? 0 : ledger_place(ledger, &placement, consumer);
}
