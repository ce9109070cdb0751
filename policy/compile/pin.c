/*
 * pin: checks toMig.pin. A node selector can only require labels, so a pinned Pod may still land on
 * another model.
 */
#include "policy/compile/pin.h"

/* Whether no node with the labels of the first model belongs to the other. */
static bool labels_exclude(const struct model *labels, const struct model *other)
{
	for (uint32_t i = 0; i < labels->label_count; i++) {
		const struct pair *label = &labels->labels[i];
		for (uint32_t k = 0; k < other->label_count; k++)
			if (str_eq(other->labels[k].key, label->key) && !str_eq(other->labels[k].value, label->value))
				return true;
		for (uint32_t k = 0; k < other->without_count; k++)
			if (str_eq(other->without[k], label->key))
				return true;
	}
	return false;
}

static bool is_narrower(const struct landing *landing, uint32_t other)
{
	for (uint32_t n = 0; n < landing->narrower_count; n++)
		if (landing->narrower[n] == other)
			return true;
	return false;
}

/*
 * Returns another model that offers a slice of `pinned` and may have nodes with its labels, or
 * NULL.
 */
static const struct model *find_beside(const struct policy *policy, const struct model *pinned,
				       const struct resource *resource)
{
	const struct landing *own = NULL;
	for (uint32_t l = 0; l < resource->landing_count; l++)
		if (&policy->models[resource->landings[l].model] == pinned)
			own = &resource->landings[l];
	for (uint32_t l = 0; own && l < resource->landing_count; l++) {
		const struct model *other = &policy->models[resource->landings[l].model];
		if (other != pinned && !labels_exclude(pinned, other) &&
		    (pinned->without_count > 0 || is_narrower(own, l)))
			return other;
	}
	return NULL;
}

void compile_pin(struct compile *c, const struct doc_to_mig *doc, const struct model *pinned)
{
	const struct model *other = NULL;
	for (uint32_t p = 0; p < pinned->profile_count && !other; p++) {
		const struct resource *resource = snapshot_resource(c->policy, pinned->profiles[p].resource);
		other = resource ? find_beside(c->policy, pinned, resource) : NULL;
	}
	if (other)
		COMPILE_LINT(
		    c, LINT_PIN_LEAKS, doc->pin.at,
		    "a Pod that is pinned to \"%.*s\" can still land on \"%.*s\", since a node selector cannot say "
		    "which "
		    "labels nodes do not have; a quota must count that Accelerator as well, or the Pod is refused",
		    STR_ARG(pinned->name), STR_ARG(other->name));
}
