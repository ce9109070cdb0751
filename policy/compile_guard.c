/* Guards, and what of the Pod they need to set. */
#include "policy/catalog.h"
#include "policy/compile.h"

/* The variables that are set to `void`: those of the vendors whose resources the Accelerators have; NVIDIA's where that tells none:
 * volcano.sh/vgpu-number and the like are GPUs as well. */
static void compile_void_names(struct compile *c)
{
	struct policy *policy = c->policy;
	size_t count;
	const struct catalog_variable *variables = catalog_variables(&count);
	struct str *names = compile_alloc(c, count, sizeof *names);
	for (size_t v = 0; v < count; v++) {
		bool wanted = false;
		for (uint32_t m = 0; m < policy->model_count; m++)
			wanted |= str_starts(policy->models[m].resource, variables[v].prefix);
		if (wanted)
			names[policy->void_name_count++] = variables[v].name;
	}
	if (policy->void_name_count == 0)
		names[policy->void_name_count++] = variables[0].name;
	policy->void_names = names;
}

void compile_guards(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count = c->docs->guards.count;
	const struct doc_guard **docs = (const struct doc_guard **)compile_sorted(
	    c, c->docs->guards.items, count, sizeof(struct doc_guard), offsetof(struct doc_guard, name));
	struct guard *guards = compile_alloc(c, count, sizeof *guards);
	for (uint32_t i = 0; i < count; i++) {
		guards[i].name = compile_keep(c, docs[i]->name.s);
		guards[i].visible_devices = (enum visible_devices)docs[i]->visible_devices.value;
		guards[i].exempt = compile_exempt(c, &docs[i]->exempt);
		for (uint32_t k = 0; k < docs[i]->deny.count; k++)
			guards[i].kinds |= 1u << docs[i]->deny.items[k].value;
		policy->void_devices |= guards[i].visible_devices == VISIBLE_DEVICES_VOID;
		if (guards[i].kinds == 0 && guards[i].visible_devices == VISIBLE_DEVICES_REFUSE)
			docs_find(
			    c->report, c->docs, SEVERITY_ERROR, docs[i]->at,
			    "the Guard refuses nothing; list what it denies in `deny`, or set `visibleDevices: void`");
	}
	policy->guards = guards;
	policy->guard_count = count;
	compile_void_names(c);
}
