/*
 * warn_to_claim: warns about Rules that turn requests into claims which a Guard refuses, or which
 * cost more than the request did.
 */
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"

/* A rewrite, and where its template is in the documents. */
struct turned {
	const struct rewrite *rewrite;
	struct location template_at, at;
};

/* --- Guards --- */

/* A Guard with exemptions may be meant for other Pods. */
static bool is_for_all(const struct guard *guard)
{
	return guard->enforcement == ENFORCEMENT_DENY &&
	       guard->exempt.namespaces.count + guard->exempt.users.count + guard->exempt.groups.count == 0;
}

/* Returns what to change in a Guard that refuses claims from the template, or NULL. */
static const char *refusal_remedy(const struct guard *guard, struct str template)
{
	if (guard->kinds & UINT32_C(1) << GUARD_RESOURCE_CLAIMS)
		return "remove resourceClaims from `deny`";
	return guard->limits_templates && !globs_match(&guard->claim_templates, template)
		   ? "list the template in resourceClaims.templates"
		   : NULL;
}

static void warn_refused(struct compile *c, const struct turned *turned, uint64_t *work)
{
	const struct policy *policy = c->policy;
	for (uint32_t g = 0; g < policy->guard_count; g++) {
		const struct guard *guard = &policy->guards[g];
		if (!warn_spend(work, 1 + (uint64_t)guard->claim_templates.count * turned->rewrite->template.len))
			return;
		const char *remedy = refusal_remedy(guard, turned->rewrite->template);
		if (!remedy || !is_for_all(guard))
			continue;
		COMPILE_LINT(c, LINT_CLAIM_REFUSED, turned->template_at,
			     "Guard \"%.*s\" refuses Pods with a claim from \"%.*s\", also those that this Rule "
			     "gives it; %s of the Guard",
			     STR_ARG(guard->name), STR_ARG(turned->rewrite->template), remedy);
		return;
	}
}

/* --- Costs --- */

static bool costs_more(const struct landing *a, const struct landing *b)
{
	return a->gpus > b->gpus ||
	       (a->memory != MEMORY_UNKNOWN && b->memory != MEMORY_UNKNOWN && a->memory > b->memory);
}

/* Returns a landing of the class that costs more than `from` does on one Accelerator, or NULL. */
static const struct landing *find_dearer(const struct resource *class, const struct landing *from)
{
	for (uint32_t i = 0; class && i < class->landing_count; i++)
		if (costs_more(&class->landings[i], from))
			return &class->landings[i];
	return NULL;
}

/* Warns of the first class of an Accelerator that a more expensive Accelerator lists, too. */
static bool warn_shared(struct compile *c, const struct turned *turned, const struct resource *resource,
			const struct landing *landing, uint64_t *work)
{
	const struct policy *policy = c->policy;
	const struct model *model = &policy->models[landing->model];
	for (uint32_t k = 0; k < model->class_count && warn_spend(work, 1); k++) {
		enum class_kind kind = model->classes[k].kind;
		/* The template decides which part of a device a claim is for. */
		if (kind == CLASS_ANY || kind == CLASS_SHARED || !snapshot_is_class_of(&model->classes[k], resource))
			continue;
		const struct resource *class = snapshot_resource(policy, model->classes[k].name);
		const struct landing *dearer = find_dearer(class, landing);
		if (!dearer)
			continue;
		if (dearer->model == landing->model) {
			COMPILE_LINT(
			    c, LINT_CLAIM_COSTS_MORE, turned->at,
			    "a claim is for a whole device of Accelerator \"%.*s\", and costs more than \"%.*s\", "
			    "which is a part of one; let Pods keep requesting it, or raise the quotas",
			    STR_ARG(model->name), STR_ARG(resource->name));
			return true;
		}
		const struct model *other = &policy->models[dearer->model];
		COMPILE_LINT(
		    c, LINT_CLAIM_COSTS_MORE, turned->at,
		    "a claim for a device of Accelerator \"%.*s\" costs as much as one of \"%.*s\" (%s), which "
		    "lists the same device class; give each a class of its own",
		    STR_ARG(model->name), STR_ARG(other->name),
		    compile_where(c, c->accelerators[dearer->model]->name.at));
		return true;
	}
	return false;
}

static void warn_dearer(struct compile *c, const struct turned *turned, uint64_t *work)
{
	const struct resource *resource = snapshot_resource(c->policy, turned->rewrite->from);
	for (uint32_t i = 0; resource && i < resource->landing_count; i++)
		if (warn_shared(c, turned, resource, &resource->landings[i], work))
			return;
}

void compile_to_claim_warnings(struct compile *c)
{
	const struct policy *policy = c->policy;
	uint64_t work = WARN_WORK_MAX;
	struct index names;
	if (policy->conversions.count == 0)
		return;
	warn_rule_names(c, &names);
	for (uint32_t r = 0; r < policy->rule_count; r++) {
		const struct doc_rule *doc = warn_rule(c, &names, r);
		for (uint32_t w = 0; w < policy->rules[r].rewrite_count; w++) {
			const struct doc_to_claim *to_claim = &doc->rewrite.items[w].to_claim;
			const struct turned turned = {&policy->rules[r].rewrites[w], to_claim->template.at,
						      to_claim->at};
			if (!to_claim->set)
				continue;
			warn_refused(c, &turned, &work);
			warn_dearer(c, &turned, &work);
		}
	}
}
