#include "gpugate/slice_choice.h"

#include "policy/evaluate/placement.h"
#include "policy/evaluate/requirements.h"

static int compare(const struct landing *a, const struct landing *b)
{
	if (a->gpus != b->gpus)
		return a->gpus < b->gpus ? -1 : 1;
	return (a->memory > b->memory) - (a->memory < b->memory);
}

static void view(const struct policy *policy, const struct landing *landing, struct slice_view *out)
{
	const struct model *model = &policy->models[landing->model];
	*out = (struct slice_view){.accelerator = model->name,
				   .at = snapshot_location(policy, model->at),
				   .gpus = landing->gpus,
				   .memory = landing->memory};
	requirements_print(model, out->requires, sizeof out->requires);
}

int policy_slice_choice(const struct policy *policy, const struct pod *pod, struct str name, struct arena *arena,
			struct slice_choice *choice)
{
	const struct resource *resource = snapshot_resource(policy, name);
	const struct landing *most = NULL, *least = NULL;
	struct placement placement;
	if (!resource || !resource->slice || resource->landing_count < 2)
		return 0;
	if (placement_find(policy, resource, pod, arena, &placement) < 0)
		return -1;
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		const struct landing *landing = &resource->landings[l];
		if (!placement_allows(&placement, l))
			continue;
		most = !most || compare(landing, most) > 0 ? landing : most;
		least = !least || compare(landing, least) < 0 ? landing : least;
	}
	if (!most || compare(most, least) == 0)
		return 0;
	view(policy, most, &choice->most);
	view(policy, least, &choice->least);
	return 1;
}
