/* consumer: the names of the models that a Pod can run on, and of those that its node has. */
#include "gpugate/consumer.h"

#include "gpugate/vec.h"
#include "policy/evaluate/placement.h"

/* Names of models, each once, over all resources of a consumer. */
struct names {
	struct arena *arena;
	struct str *items;
	uint32_t count, size;
};

static int add_name(struct names *names, struct str name)
{
	for (uint32_t i = 0; i < names->count; i++)
		if (str_eq(names->items[i], name))
			return 0;
	struct str *items = vec_room_in(names->arena, names->items, names->count, &names->size, 8, sizeof *items);
	if (!items)
		return -1;
	names->items = items;
	names->items[names->count++] = name;
	return 0;
}

static int add_placement(struct names *names, const struct policy *policy, const struct resource *resource,
			 const struct placement *placement)
{
	for (uint32_t l = 0; l < resource->landing_count && names->count <= CONSUMER_MODELS_MAX; l++)
		if (placement_allows(placement, l) &&
		    add_name(names, policy->models[resource->landings[l].model].name) < 0)
			return -1;
	return placement->unknown ? add_name(names, MODEL_UNKNOWN) : 0;
}

int policy_place(const struct policy *policy, const struct pod *pod, struct arena *arena, struct consumer *consumer)
{
	struct names names = {.arena = arena};
	struct placements placed = {.count = 0};
	bool everywhere = true;
	for (uint32_t d = 0; d < consumer->request_count && names.count <= CONSUMER_MODELS_MAX; d++) {
		const struct resource *resource = snapshot_resource(policy, consumer->requests[d].resource);
		struct placement placement;
		if (!resource || placements_get(&placed, resource))
			continue;
		if (placement_find(policy, resource, pod, arena, &placement) < 0 ||
		    placements_add(&placed, arena, resource, &placement) < 0 ||
		    add_placement(&names, policy, resource, &placement) < 0)
			return -1;
		everywhere &= placement.possible_count == resource->landing_count && !placement.unknown;
	}
	everywhere |= names.count > CONSUMER_MODELS_MAX;
	consumer->models = everywhere ? NULL : names.items;
	consumer->model_count = everywhere ? 0 : names.count;
	return 0;
}

int policy_place_on_node(const struct policy *policy, const struct pairs *labels, struct arena *arena,
			 struct consumer *consumer)
{
	struct names names = {.arena = arena};
	struct placements placed = {.count = 0};
	int fit = 0;
	uint32_t count;
	const struct resource_request *requests = policy_charged_requests(policy, consumer, &count);
	for (uint32_t d = 0; d < count; d++) {
		const struct resource *resource = snapshot_resource(policy, requests[d].resource);
		struct placement placement;
		if (!resource || placements_get(&placed, resource))
			continue;
		if (placement_of_node(policy, resource, labels, arena, &placement) < 0 ||
		    placements_add(&placed, arena, resource, &placement) < 0 ||
		    add_placement(&names, policy, resource, &placement) < 0)
			return -1;
		fit |= placement.possible_count == 0  ? NODE_OF_NO_MODEL
		       : placement.possible_count > 1 ? NODE_OF_SEVERAL_MODELS
						      : 0;
	}
	consumer->node_models = names.items;
	consumer->node_model_count = names.count <= CONSUMER_MODELS_MAX ? names.count : 0;
	return fit;
}
