/* guard: compiles Guards and the list of variables to set to "void". */
#include "policy/base/path.h"
#include "policy/compile/steps.h"
#include "policy/document/schema.h"
#include "policy/model/catalog.h"

/*
 * Collects the variables to set to "void". They are those of the Accelerators' vendors, if the
 * vendor's runtime is known to accept that word. If that selects none, it is NVIDIA's variable:
 * volcano.sh/vgpu-number, for example, is also a GPU.
 */
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
		wanted &= variables[v].takes_void;
		if (wanted)
			names[policy->void_name_count++] = variables[v].name;
	}
	if (policy->void_name_count == 0)
		names[policy->void_name_count++] = variables[0].name;
	policy->void_names = names;
}

/* Reports a Rule that reads an annotation which this Guard denies. One of the two is a mistake. */
static void check_memory_annotations(struct compile *c, const struct doc_guard *doc)
{
	const struct policy *policy = c->policy;
	for (uint32_t k = 0; k < doc->deny.count; k++) {
		if (doc->deny.items[k].value != GUARD_FRACTION_ANNOTATIONS)
			continue;
		for (uint32_t r = 0; r < policy->rule_count; r++)
			for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++) {
				const struct rewrite *rewrite = &policy->rules[r].rewrites[w];
				if (rewrite->from_label || !catalog_is_fraction_annotation(rewrite->memory_key))
					continue;
				docs_report(
				    c->report, c->docs, SEVERITY_ERROR, doc->deny.items[k].at,
				    "this refuses the annotation \"%.*s\", from which Rule \"%.*s\" reads memory: "
				    "KAI and Run:ai take it for a part of a GPU; let the Rule read another, such "
				    "as gpugate.io/gpu-memory",
				    STR_ARG(rewrite->memory_key), STR_ARG(policy->rules[r].name));
			}
	}
}

static void compile_host_paths(struct compile *c, const struct doc_guard *doc, struct guard *guard)
{
	const struct texts *allow = &doc->host_paths.allow;
	bool refuses = guard->kinds & UINT32_C(1) << GUARD_HOST_DEVICE_MOUNTS;
	if (!doc->host_paths.set)
		return;
	guard->kinds |= UINT32_C(1) << GUARD_HOST_PATHS;
	guard->parts_at[GUARD_HOST_PATHS] = compile_document_ref(doc->host_paths.at);
	struct str *paths = compile_alloc(c, allow->count, sizeof *paths);
	for (uint32_t i = 0; i < allow->count; i++) {
		char normal[PATH_BYTES_MAX];
		struct str path = {normal, 0};
		if (!path_normalize(allow->items[i].s, normal, &path.len))
			/* It is longer than its form allows, which has been reported. */
			continue;
		paths[guard->allowed_paths.count++] = compile_keep(c, path);
		if (refuses && catalog_reaches_devices(path))
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, allow->items[i].at,
			    "hostDeviceMounts of the same Guard refuses \"%.*s\"; remove one of the two, or give "
			    "them Guards of their own with different exemptions",
			    STR_ARG(allow->items[i].s));
	}
	guard->allowed_paths.items = paths;
}

static void compile_claims(struct compile *c, const struct doc_guard *doc, struct guard *guard)
{
	const struct doc_claims *claims = &doc->claims;
	if (!claims->set)
		return;
	if (guard->kinds & UINT32_C(1) << GUARD_RESOURCE_CLAIMS)
		docs_report(c->report, c->docs, SEVERITY_ERROR, claims->at,
			    "`deny` of the same Guard refuses every Pod with a claim, so nothing that is allowed here "
			    "can be used; remove resourceClaims from `deny`");
	if (!claims->classes.set && !claims->templates.set)
		docs_report(c->report, c->docs, SEVERITY_ERROR, claims->at,
			    "resourceClaims allows everything; list what is allowed in `classes` or `templates`, or "
			    "remove it");
	if (claims->admin_access.value && !claims->classes.set)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, claims->admin_access.at,
		    "adminAccess has no effect without `classes`, because claims are then not checked; list the "
		    "device classes that may be requested in `classes`");
	guard->kinds |= UINT32_C(1) << GUARD_CLAIMS;
	guard->parts_at[GUARD_CLAIMS] = compile_document_ref(claims->at);
	guard->limits_classes = claims->classes.set;
	guard->limits_templates = claims->templates.set;
	guard->admin_access = claims->admin_access.value;
	guard->claim_classes = compile_globs(c, &claims->classes);
	guard->claim_templates = compile_globs(c, &claims->templates);
}

static void compile_guard(struct compile *c, const struct doc_guard *doc, struct guard *guard)
{
	enum enforcement own = (enum enforcement)doc->enforcement.value;
	guard->name = compile_keep(c, doc->name.s);
	guard->at = compile_document_ref(doc->name.at);
	guard->enforcement = own > c->policy->enforcement ? own : c->policy->enforcement;
	guard->visible_devices = (enum visible_devices)doc->visible_devices.value;
	guard->exempt = compile_exempt(c, &doc->exempt);
	for (uint32_t k = 0; k < doc->deny.count; k++) {
		guard->kinds |= UINT32_C(1) << doc->deny.items[k].value;
		guard->parts_at[doc->deny.items[k].value] = compile_document_ref(doc->deny.items[k].at);
	}
	if (guard->visible_devices == VISIBLE_DEVICES_VOID)
		guard->parts_at[GUARD_VOID] = compile_document_ref(doc->visible_devices.at);
	compile_host_paths(c, doc, guard);
	compile_claims(c, doc, guard);
	check_memory_annotations(c, doc);
	if (guard->kinds == 0 && guard->visible_devices == VISIBLE_DEVICES_REFUSE)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    "the Guard refuses nothing; list what it denies in `deny`, or set `hostPaths`, "
			    "`resourceClaims` or `visibleDevices: void`");
}

void compile_guards(struct compile *c)
{
	struct policy *policy = c->policy;
	for (size_t i = 0; i < GUARD_WORDS; i++)
		policy->guard_words[schema_guard_words[i].value] = schema_guard_words[i].word;
	uint32_t count = c->docs->guards.count;
	const struct doc_guard **docs = (const struct doc_guard **)compile_sorted(
	    c, c->docs->guards.items, count, sizeof(struct doc_guard), offsetof(struct doc_guard, name));
	struct guard *guards = compile_alloc(c, count, sizeof *guards);
	for (uint32_t i = 0; i < count; i++) {
		compile_guard(c, docs[i], &guards[i]);
		policy->void_devices |= guards[i].visible_devices == VISIBLE_DEVICES_VOID;
	}
	policy->guards = guards;
	policy->guard_count = count;
	compile_void_names(c);
}
