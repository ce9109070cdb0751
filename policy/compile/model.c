/*
 * model: compiles Accelerators: the models, what their nodes advertise, and the unit in which all
 * amounts are integers.
 */
#include <stdlib.h>

#include "policy/compile/amount.h"
#include "policy/compile/classes.h"
#include "policy/compile/config.h"
#include "policy/compile/mig.h"
#include "policy/compile/names.h"
#include "policy/compile/partition.h"
#include "policy/compile/steps.h"
#include "policy/model/catalog.h"
#include "policy/model/class_part.h"

#define UNIT_MAX (INT64_C(1) << 32)
/* Always includes the sevenths, eighths and thirds of MIG. */
#define UNIT_MIN CATALOG_MIG_UNIT

static int64_t gcd(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static void compile_sharing(struct compile *c, const struct doc_accelerator *doc, struct model *model)
{
	model->replicas = model->max_per_container = 1;
	if (!doc->sharing.set)
		return;
	model->share_resource =
	    compile_keep(c, str_present(doc->sharing.resource.s) ? doc->sharing.resource.s : doc->resource.s);
	model->replicas = doc->sharing.replicas.value;
	model->max_per_container = doc->sharing.max_per_container.value;
}

static void compile_model(struct compile *c, const struct doc_accelerator *doc, struct model *model)
{
	model->name = compile_keep(c, doc->name.s);
	model->at = compile_document_ref(doc->name.at);
	model->resource = compile_keep(c, doc->resource.s);
	model->memory = compile_memory(c, &doc->memory, MEMORY_UNKNOWN);
	model->weight_numerator = model->weight_denominator = 1;
	if (doc->weight.set) {
		if (doc->weight.value.nano < 1 || doc->weight.value.nano > (wide)1000 * QUANTITY_SCALE) {
			docs_report(c->report, c->docs, SEVERITY_ERROR, doc->weight.at,
				    "a weight is more than 0 and at most 1000 GPUs");
			return;
		}
		int64_t nano = (int64_t)doc->weight.value.nano, common = gcd(nano, QUANTITY_SCALE);
		model->weight_numerator = nano / common;
		model->weight_denominator = QUANTITY_SCALE / common;
	}
	model->labels = compile_keep_map(c, &doc->node_labels);
	model->label_count = doc->node_labels.count;
	model->without = compile_keep_all(c, &doc->without_node_labels);
	model->without_count = doc->without_node_labels.count;
	if (compile_resource_prefix(c, &doc->resource))
		return;
	if (!str_has_char(model->resource, '/'))
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->resource.at,
		    "\"%.*s\" is not an extended resource; these have a vendor's prefix, such as nvidia.com/gpu",
		    STR_ARG(model->resource));
	uint32_t profiles;
	unsigned errors = c->report->errors;
	const struct profile *table = compile_mig(c, doc, model, &profiles);
	model->table = table;
	model->table_count = profiles;
	compile_sharing(c, doc, model);
	compile_classes(c, doc, table, profiles, model);
	if (doc->sharing.set && c->report->errors == errors)
		compile_share_slice(c, doc, table, profiles, model);
}

void compile_models(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count = c->docs->accelerators.count;
	const struct doc_accelerator **docs = (const struct doc_accelerator **)compile_sorted(
	    c, c->docs->accelerators.items, count, sizeof(struct doc_accelerator),
	    offsetof(struct doc_accelerator, name));
	c->accelerators = docs;
	struct model *models = compile_alloc(c, count, sizeof *models);
	c->broken = compile_scratch(c, count, sizeof *c->broken);
	if (index_init(&policy->model_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < count; i++) {
		unsigned errors = c->report->errors;
		docs[i] = compile_configured(c, docs[i]);
		compile_model(c, docs[i], &models[i]);
		c->broken[i] = c->report->errors != errors;
		index_add(&policy->model_names, models[i].name, (struct str){NULL, 0}, i);
	}
	policy->models = models;
	policy->model_count = count;
}

/*
 * What the nodes of one model advertise under one name. The fractions are of a device and of a
 * byte.
 */
struct offer {
	struct str name;
	struct str stands_for; /* As in struct resource. */
	uint32_t model;
	bool slice, shared;
	bool any; /* As in struct resource. */
	int64_t gpus, gpus_of;
	int64_t memory, memory_of; /* Numerator MEMORY_UNKNOWN if not known. */
	struct division division;
};

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

/* Returns the name by which claims request one profile of a class. */
static struct str profile_name(struct compile *c, struct str class, struct str profile)
{
	const struct class_part part = {.profile = profile};
	struct str name = class_part_resource(&c->policy->arena, str_tail(class, CATALOG_CLASS_PREFIX.len), &part);
	if (!str_present(name))
		longjmp(c->exhausted, 1);
	return name;
}

/*
 * Adds what claims of a class of any profile can say that they want. Returns how many were added.
 */
static uint32_t add_profiles(struct compile *c, uint32_t model, const struct class_name *class,
			     const struct index *offered, struct offer *offers)
{
	const struct policy *policy = c->policy;
	const struct model *m = &policy->models[model];
	uint32_t made = 0;
	for (uint32_t p = 0; class->kind == CLASS_ANY && p < m->table_count; p++) {
		struct str name = profile_name(c, class->name, m->table[p].name);
		if (name.len > class->name.len && gives_profile(offered, model, class->name, m->table[p].name))
			offers[made++] = make_slice_offer(policy, model, name, &m->table[p]);
	}
	return made;
}

/* Returns all offers of all models, in the scratch arena. */
static struct offer *make_offers(struct compile *c, uint32_t *count)
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

static bool unit_add(int64_t *unit, int64_t denominator)
{
	int64_t more = denominator / gcd(*unit, denominator);
	return !__builtin_mul_overflow(*unit, more, unit) && *unit <= UNIT_MAX;
}

static const char no_unit[] =
    "with this number the weights, replicas and fractional quotas of the policy have no common unit; use a rounder "
    "one (fewer decimals, or replicas that are a multiple or a part of those of other Accelerators)";

/* Returns the location of the number that causes an offer's fraction. */
static struct location fraction_at(const struct doc_accelerator *doc, const struct offer *offer)
{
	return offer->shared          ? doc->sharing.replicas.at
	       : offer->division.step ? doc->capacity.step.at
	       : doc->weight.set      ? doc->weight.at
				      : doc->mig.at;
}

static bool unit_of_offers(struct compile *c, int64_t *unit)
{
	uint32_t count;
	const struct offer *offers = make_offers(c, &count);
	for (uint32_t i = 0; i < count; i++) {
		int64_t steps = offers[i].division.step ? offers[i].division.steps : 1;
		/* A step is exact as well: gpus / (gpus_of * steps) of a device. */
		if (unit_add(unit, offers[i].gpus_of * steps / gcd(offers[i].gpus, offers[i].gpus_of * steps)) &&
		    unit_add(unit, offers[i].gpus_of) && unit_add(unit, offers[i].memory_of))
			continue;
		docs_report(c->report, c->docs, SEVERITY_ERROR,
			    fraction_at(c->accelerators[offers[i].model], &offers[i]), "%s", no_unit);
		return false;
	}
	return true;
}

static bool unit_of_quotas(struct compile *c, const struct doc_tenant *tenant, int64_t *unit)
{
	for (uint32_t q = 0; q < tenant->quotas.count; q++) {
		const struct doc_quota *quota = &tenant->quotas.items[q];
		wide nano = quota->hard.value.nano;
		if (quota->measure.value != MEASURE_GPUS || quota->hard.unlimited || nano <= 0)
			continue;
		if (unit_add(unit, QUANTITY_SCALE / gcd((int64_t)(nano % QUANTITY_SCALE), QUANTITY_SCALE)))
			continue;
		docs_report(c->report, c->docs, SEVERITY_ERROR, quota->hard.at, "%s", no_unit);
		return false;
	}
	return true;
}

void compile_unit(struct compile *c)
{
	int64_t unit = UNIT_MIN;
	bool fits = unit_of_offers(c, &unit);
	for (uint32_t t = 0; t < c->docs->tenants.count && fits; t++)
		fits = unit_of_quotas(c, &c->docs->tenants.items[t], &unit);
	/* With unit 0, every limit is 0, and none is reported because it does not fit. */
	c->policy->unit = fits ? unit : 0;
}

static int offer_order(const void *a, const void *b)
{
	const struct offer *x = a, *y = b;
	int order = str_cmp(x->name, y->name);
	return order ? order : (x->model > y->model) - (x->model < y->model);
}

/*
 * Reports a part of a device that stands for different resources: once for each class, because the
 * same is wrong with all parts. `*reported` is the class that was reported last; offers are sorted
 * by name.
 */
static void report_part(struct compile *c, const struct resource *resource, const struct offer *offer,
			struct str *reported)
{
	const struct model *one = &c->policy->models[offer->model],
			   *other = &c->policy->models[resource->landings[0].model];
	if (str_eq(*reported, class_part_whole(offer->name)))
		return;
	*reported = class_part_whole(offer->name);
	docs_report(
	    c->report, c->docs, SEVERITY_ERROR, compile_class_at(c->accelerators[offer->model], offer->name),
	    "a slice of this class is \"%.*s\" here and \"%.*s\" for Accelerator \"%.*s\"%s; give each a class of "
	    "its own, or both the same %s",
	    STR_ARG(offer->stands_for), STR_ARG(resource->stands_for), STR_ARG(other->name),
	    one->strategy != other->strategy ? ", since only one of the two has the MIG strategy `single`" : "",
	    one->strategy != other->strategy ? "strategy" : "names of slices");
}

/*
 * Reports a device class that stands for different resources, or is the name of one. `reported` is
 * as for report_part.
 */
static void check_class(struct compile *c, const struct resource *resource, const struct offer *offer,
			struct str *reported)
{
	const struct policy *policy = c->policy;
	bool classes = str_present(resource->stands_for) && str_present(offer->stands_for);
	/* One Accelerator with two ways for a class is reported where classes are compiled. */
	bool same = resource->any == offer->any && (resource->any || str_eq(resource->stands_for, offer->stands_for));
	if (same || (classes && resource->landings[0].model == offer->model))
		return;
	if (class_part_is(offer->name)) {
		report_part(c, resource, offer, reported);
		return;
	}
	struct str other = policy->models[resource->landings[0].model].name;
	struct location at = compile_class_at(c->accelerators[offer->model], offer->name);
	if (!classes)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, at,
		    "\"%.*s\" is the `resource` of one Accelerator and a class of the other, \"%.*s\"; list the "
		    "class in deviceClasses of both",
		    STR_ARG(offer->name), STR_ARG(other));
	else if (resource->any != offer->any)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, at,
		    "a device of this class is a slice of any profile for one Accelerator and something else for "
		    "the other, \"%.*s\"; give each a class of its own, or write `any` in both",
		    STR_ARG(other));
	else
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, at,
		    "a device of this class is \"%.*s\" here and \"%.*s\" for Accelerator \"%.*s\"; give each a "
		    "class of its own, or both the same `resource`",
		    STR_ARG(offer->stands_for), STR_ARG(resource->stands_for), STR_ARG(other));
}

void compile_resources(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count;
	struct offer *offers = make_offers(c, &count);
	struct str reported = {NULL, 0};
	if (count)
		qsort(offers, count, sizeof *offers, offer_order);
	struct resource *resources = compile_alloc(c, count, sizeof *resources);
	struct landing *landings = compile_alloc(c, count, sizeof *landings);
	if (index_init(&policy->resource_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	/* After an error, the numbers have no meaning. */
	int64_t unit = c->report->errors ? 0 : policy->unit;
	for (uint32_t i = 0; i < count; i++) {
		const struct offer *offer = &offers[i];
		landings[i] = (struct landing){.model = offer->model,
					       .shared = offer->shared,
					       .max_per_container = policy->models[offer->model].max_per_container,
					       .division = offer->division,
					       .gpus = (wide)offer->gpus * (unit / offer->gpus_of),
					       .memory = offer->memory == MEMORY_UNKNOWN
							     ? MEMORY_UNKNOWN
							     : (wide)offer->memory * (unit / offer->memory_of)};
		if (i == 0 || !str_eq(offers[i - 1].name, offer->name)) {
			struct resource *resource = &resources[policy->resource_count];
			*resource = (struct resource){.name = offer->name,
						      .stands_for = offer->stands_for,
						      .any = offer->any,
						      .slice = offer->slice,
						      .landings = &landings[i]};
			index_add(&policy->resource_names, offer->name, (struct str){NULL, 0},
				  policy->resource_count++);
		}
		check_class(c, &resources[policy->resource_count - 1], offer, &reported);
		/* What is a slice on some models only is none. */
		resources[policy->resource_count - 1].slice &= offer->slice;
		resources[policy->resource_count - 1].landing_count++;
	}
	policy->resources = resources;
	compile_partition(c, landings);
}
