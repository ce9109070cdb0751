#include "policy/compile/offers.h"

#include "policy/compile/amount.h"
#include "policy/compile/classes.h"
#include "policy/model/catalog.h"

static struct offer make_offer(const struct policy *policy, uint32_t model, struct str name,
			       const struct profile *slice, bool shared)
{
	const struct model *m = &policy->models[model];
	int64_t part = 1, of = 1, memory = m->memory, replicas = shared ? m->replicas : 1;
	if (slice) {
		part = slice->compute_slices;
		of = m->compute_total;
		if (slice->memory_slices * m->compute_total > slice->compute_slices * m->memory_total) {
			part = slice->memory_slices;
			of = m->memory_total;
		}
		memory = slice->memory;
	}
	struct offer offer = {.name = name,
			      .model = model,
			      .slice = slice && m->strategy == MIG_MIXED,
			      .shared = shared,
			      .gpus = m->weight_numerator * part,
			      .gpus_of = m->weight_denominator * of * replicas,
			      .memory = memory,
			      .memory_of = replicas};
	int64_t common = gcd(offer.gpus, offer.gpus_of);
	offer.gpus /= common;
	offer.gpus_of /= common;
	common = memory > 0 ? gcd(memory, replicas) : 1;
	offer.memory = memory > 0 ? memory / common : MEMORY_UNKNOWN;
	offer.memory_of /= common;
	return offer;
}

static struct offer make_slice_offer(const struct policy *policy, uint32_t model, struct str name,
				     const struct profile *slice)
{
	const struct model *m = &policy->models[model];
	struct offer offer = make_offer(policy, model, name, slice, false);
	/* With the strategy `single`, the nodes have slices under the name of the device. */
	offer.stands_for = slice && m->strategy == MIG_MIXED ? slice->resource : m->resource;
	offer.slice = slice != NULL;
	return offer;
}

/* Makes the first offer cost as much as the more expensive one of the two, in each measure. */
static void raise_offer(struct offer *offer, const struct offer *other)
{
	if ((wide)other->gpus * offer->gpus_of > (wide)offer->gpus * other->gpus_of) {
		offer->gpus = other->gpus;
		offer->gpus_of = other->gpus_of;
		offer->stands_for = other->stands_for;
	}
	if (other->memory > offer->memory)
		offer->memory = other->memory;
}

/* A slice of any profile that the model offers costs as much as the most expensive one. */
static struct offer make_any_offer(const struct policy *policy, uint32_t model, struct str name)
{
	const struct model *m = &policy->models[model];
	struct offer offer = make_slice_offer(policy, model, name, m->profile_count ? &m->profiles[0] : NULL);
	for (uint32_t p = 1; p < m->profile_count; p++) {
		const struct offer other = make_slice_offer(policy, model, name, &m->profiles[p]);
		raise_offer(&offer, &other);
	}
	offer.any = true;
	return offer;
}

static struct offer make_class_offer(const struct policy *policy, uint32_t model, const struct class_name *class)
{
	if (class->kind == CLASS_ANY)
		return make_any_offer(policy, model, class->name);
	struct offer offer = make_slice_offer(policy, model, class->name, class->slice);
	if (class->kind == CLASS_SHARED)
		offer.division = policy->models[model].division;
	return offer;
}

/*
 * Indexes what classes of any profile are offered as, by the class and the profile, in scratch
 * memory.
 */
static struct index index_offered(struct compile *c)
{
	const struct policy *policy = c->policy;
	struct index offered;
	size_t size = 0;
	for (uint32_t i = 0; i < policy->model_count; i++)
		size += (size_t)policy->models[i].class_count * policy->models[i].profile_count;
	if (size > UINT32_MAX || index_init(&offered, (uint32_t)size, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < policy->model_count; i++)
		for (uint32_t k = 0; k < policy->models[i].class_count; k++) {
			const struct class_name *class = &policy->models[i].classes[k];
			for (uint32_t p = 0; class->kind == CLASS_ANY && p < policy->models[i].profile_count; p++)
				index_add(&offered, class->name, policy->models[i].profiles[p].name, i);
		}
	return offered;
}

/*
 * Whether the model has what a claim for a profile of a class can be given: it offers that. What no
 * model offers costs what it would on those that can be cut like that.
 */
static bool gives_profile(const struct index *offered, uint32_t model, struct str class, struct str profile)
{
	const struct index_entry *e = index_find(offered, class, profile);
	bool some = e != NULL, own = false;
	for (; e && !own; e = index_next(offered, e))
		own = e->id == model;
	return own || !some;
}

/*
 * Adds what claims of a class of any profile can say that they want. Returns how many were added.
 */
static uint32_t add_profiles(struct compile *c, uint32_t model, const struct class_name *class,
			     const struct index *offered, struct offer *offers)
{
	const struct policy *policy = c->policy;
	const struct model *m = &policy->models[model];
	const struct str device_class = str_tail(class->name, CATALOG_CLASS_PREFIX.len);
	uint32_t made = 0;
	for (uint32_t p = 0; class->kind == CLASS_ANY && p < m->table_count; p++) {
		struct str name = compile_class_name(c, device_class, m->table[p].name);
		if (name.len > class->name.len && gives_profile(offered, model, class->name, m->table[p].name))
			offers[made++] = make_slice_offer(policy, model, name, &m->table[p]);
	}
	return made;
}

struct offer *compile_offers(struct compile *c, uint32_t *count)
{
	const struct policy *policy = c->policy;
	uint32_t size = 0, made = 0;
	for (uint32_t i = 0; i < policy->model_count; i++)
		size += 2 + policy->models[i].profile_count +
			policy->models[i].class_count * (1 + policy->models[i].table_count);
	struct offer *offers = compile_scratch(c, size, sizeof *offers);
	const struct index offered = index_offered(c);
	for (uint32_t i = 0; i < policy->model_count; i++) {
		const struct model *m = &policy->models[i];
		const struct profile *base = m->strategy == MIG_SINGLE && m->profile_count ? &m->profiles[0] : NULL;
		bool same_name = str_present(m->share_resource) && str_eq(m->share_resource, m->resource);
		offers[made++] = make_offer(policy, i, m->resource, base, same_name);
		if (str_present(m->share_resource) && !same_name)
			offers[made++] =
			    make_offer(policy, i, m->share_resource, m->share_slice ? m->share_slice : base, true);
		for (uint32_t p = 0; m->strategy == MIG_MIXED && p < m->profile_count; p++) {
			/*
			 * If slices are shared under their own name, that name only means shares.
			 */
			if (m->share_slice && str_eq(m->profiles[p].resource, m->share_resource))
				continue;
			offers[made++] = make_offer(policy, i, m->profiles[p].resource, &m->profiles[p], false);
		}
		for (uint32_t k = 0; k < m->class_count; k++) {
			offers[made++] = make_class_offer(policy, i, &m->classes[k]);
			made += add_profiles(c, i, &m->classes[k], &offered, &offers[made]);
		}
	}
	*count = made;
	return offers;
}
