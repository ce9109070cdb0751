/* Accelerators: models, what their nodes advertise, and the unit in which all amounts are integers. */
#include <stdlib.h>

#include "policy/catalog.h"
#include "policy/compile.h"

/* 32 TiB of one device: a million Pods (LEDGER_EMBEDDED_PODS_MAX) of DEMAND_MAX such stay below 2^127 units. */
#define MEMORY_MAX (INT64_C(1) << 45)
#define UNIT_MAX (INT64_C(1) << 32)
#define UNIT_MIN CATALOG_MIG_UNIT /* sevenths, eighths and thirds of MIG, always */

static int64_t gcd(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* A whole number of bytes, at least 1 and at most MEMORY_MAX; reports otherwise. */
static int64_t memory_bytes(struct compile *c, const struct amount *amount, int64_t otherwise)
{
	if (!amount->set)
		return otherwise;
	if (!compile_memory_unit(c, amount))
		return otherwise;
	wide bytes = compile_scale(amount->value.nano, 1);
	if (bytes >= 1 && bytes <= MEMORY_MAX)
		return (int64_t)bytes;
	docs_find(c->report, c->docs, SEVERITY_ERROR, amount->at,
		  "\"%.*s\" is not the memory of a device; give whole bytes up to 32Ti, such as 80Gi",
		  STR_ARG(amount->text));
	return otherwise;
}

static struct profile make_profile(struct compile *c, struct str name, int64_t compute, int64_t memory, int64_t bytes)
{
	char resource[CATALOG_MIG_NAME_MAX];
	size_t len = catalog_mig_resource(name, resource);
	return (struct profile){.name = compile_keep(c, name),
				.resource = compile_keep(c, (struct str){resource, len}),
				.compute_slices = compute,
				.memory_slices = memory,
				.memory = bytes};
}

static void own_profile(struct compile *c, const struct doc_profile *doc, const struct model *model,
			struct profile *out)
{
	int64_t bytes = memory_bytes(c, &doc->memory, catalog_profile_gib(doc->name.s) << 30);
	if (bytes == 0)
		docs_find(c->report, c->docs, SEVERITY_ERROR, doc->name.at,
			  "profile \"%.*s\" does not say its memory; name it like 1g.10gb or give `memory`",
			  STR_ARG(doc->name.s));
	if (doc->compute_slices.value > model->compute_total || doc->memory_slices.value > model->memory_total)
		docs_find(c->report, c->docs, SEVERITY_ERROR, doc->name.at,
			  "profile \"%.*s\" has more slices than the device: %lld compute and %lld memory slices",
			  STR_ARG(doc->name.s), (long long)model->compute_total, (long long)model->memory_total);
	*out = make_profile(c, doc->name.s, doc->compute_slices.value, doc->memory_slices.value, bytes);
}

/* All profiles that the model's table has, offered or not. */
static struct profile *profile_table(struct compile *c, const struct doc_accelerator *doc, struct model *model,
				     uint32_t *count)
{
	const struct doc_mig *mig = &doc->mig;
	struct str name = str_present(mig->model.s) ? mig->model.s : doc->name.s;
	if (!mig->profiles_builtin && mig->profiles.set) {
		model->compute_total = mig->compute_slices.value;
		model->memory_total = mig->memory_slices.value;
		struct profile *table = compile_alloc(c, mig->profiles.count, sizeof *table);
		for (uint32_t i = 0; i < mig->profiles.count; i++)
			own_profile(c, &mig->profiles.items[i], model, &table[i]);
		*count = mig->profiles.count;
		return table;
	}
	const struct catalog_model *known = catalog_model(name);
	if (!known) {
		size_t models;
		const struct catalog_model *all = catalog_models(&models);
		const char *hint = compile_did_you_mean(c, name, &all->name, models, sizeof *all);
		docs_find(c->report, c->docs, SEVERITY_ERROR, str_present(mig->model.s) ? mig->model.at : mig->at,
			  "no built-in MIG table for \"%.*s\"%s", STR_ARG(name),
			  *hint ? hint : "; set mig.model to a known one (such as a100-80gb) or list mig.profiles");
		*count = 0;
		return NULL;
	}
	model->compute_total = known->compute_total;
	model->memory_total = known->memory_total;
	if (model->memory == MEMORY_UNKNOWN && known->gib)
		model->memory = (int64_t)known->gib << 30;
	struct profile *table = compile_alloc(c, known->profile_count, sizeof *table);
	for (uint32_t i = 0; i < known->profile_count; i++)
		table[i] = make_profile(c, known->profiles[i].name, known->profiles[i].compute,
					known->profiles[i].memory, (int64_t)known->profiles[i].gib << 30);
	*count = known->profile_count;
	return table;
}

/* Those that the fleet's MIG layout advertises: `offered`, or all that carry no suffix. */
static void offer_profiles(struct compile *c, const struct doc_mig *mig, const struct profile *table, uint32_t count,
			   struct model *model)
{
	uint32_t size = mig->offered.set ? mig->offered.count : count, offered = 0;
	struct profile *profiles = compile_alloc(c, size, sizeof *profiles);
	for (uint32_t i = 0; !mig->offered.set && i < count; i++)
		if (catalog_profile_plain(table[i].name))
			profiles[offered++] = table[i];
	for (uint32_t i = 0; mig->offered.set && i < size; i++) {
		const struct text *name = &mig->offered.items[i];
		uint32_t at = 0;
		while (at < count && !str_eq(table[at].name, name->s))
			at++;
		if (at < count)
			profiles[offered++] = table[at];
		else
			docs_find(c->report, c->docs, SEVERITY_ERROR, name->at,
				  "the model has no MIG profile \"%.*s\"%s", STR_ARG(name->s),
				  compile_did_you_mean(c, name->s, count ? &table->name : NULL, count, sizeof *table));
	}
	model->profiles = profiles;
	model->profile_count = offered;
}

/* Returns the model's table, offered or not; NULL: it is cut into no slices. */
static const struct profile *compile_mig(struct compile *c, const struct doc_accelerator *doc, struct model *model,
					 uint32_t *count_out)
{
	*count_out = 0;
	if (!doc->mig.set)
		return NULL;
	model->strategy = (enum mig_strategy)doc->mig.strategy.value;
	uint32_t errors = c->report->errors, count;
	const struct profile *table = profile_table(c, doc, model, &count);
	*count_out = count;
	if (c->report->errors == errors)
		offer_profiles(c, &doc->mig, table, count, model);
	if (c->report->errors == errors && model->strategy == MIG_SINGLE && model->profile_count != 1)
		docs_find(c->report, c->docs, SEVERITY_ERROR, doc->mig.at,
			  "with `strategy: single` all slices are of one profile; name that one in mig.offered");
	return table;
}

/* The slice that is shared, where sharing.resource names one: its own name, or that name and `.shared`. */
static void compile_share_slice(struct compile *c, const struct doc_accelerator *doc, const struct profile *table,
				uint32_t count, struct model *model)
{
	char slice[CATALOG_MIG_NAME_MAX];
	struct str name = model->share_resource;
	if (!str_starts(name, CATALOG_MIG_PREFIX))
		return;
	size_t len = str_ends(name, CATALOG_SHARED_SUFFIX) ? catalog_mig_slice(name, slice) : 0;
	if (len)
		name = (struct str){slice, len};
	for (uint32_t i = 0; model->strategy == MIG_MIXED && i < count; i++)
		if (str_eq(table[i].resource, name))
			model->share_slice = &table[i];
	if (!model->share_slice)
		docs_find(c->report, c->docs, SEVERITY_ERROR, doc->sharing.resource.at,
			  "\"%.*s\" is a share of a MIG slice that the Accelerator does not have; %s",
			  STR_ARG(model->share_resource),
			  !doc->mig.set ? "say in `mig` how the device is cut"
			  : model->strategy == MIG_SINGLE
			      ? "with `strategy: single` slices have the Accelerator's own name"
			      : "name one of its profiles, such as nvidia.com/mig-1g.10gb.shared");
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
	model->resource = compile_keep(c, doc->resource.s);
	model->memory = memory_bytes(c, &doc->memory, MEMORY_UNKNOWN);
	model->weight_numerator = model->weight_denominator = 1;
	if (doc->weight.set) {
		if (doc->weight.value.nano < 1 || doc->weight.value.nano > (wide)1000 * QUANTITY_SCALE) {
			docs_find(c->report, c->docs, SEVERITY_ERROR, doc->weight.at,
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
	if (!str_has_char(model->resource, '/'))
		docs_find(c->report, c->docs, SEVERITY_ERROR, doc->resource.at,
			  "\"%.*s\" is not an extended resource; these have a vendor's prefix, such as nvidia.com/gpu",
			  STR_ARG(model->resource));
	uint32_t profiles;
	const struct profile *table = compile_mig(c, doc, model, &profiles);
	compile_sharing(c, doc, model);
	if (doc->sharing.set)
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
	if (index_init(&policy->model_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < count; i++) {
		compile_model(c, docs[i], &models[i]);
		index_add(&policy->model_names, models[i].name, (struct str){NULL, 0}, i);
	}
	policy->models = models;
	policy->model_count = count;
}

/* What one model's nodes advertise under one name. Fractions are of a device and of a byte. */
struct offer {
	struct str name;
	uint32_t model;
	bool slice, shared;
	int64_t gpus, gpus_of;
	int64_t memory, memory_of; /* MEMORY_UNKNOWN */
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

/* All offers of all models, in the scratch arena. */
static struct offer *make_offers(struct compile *c, uint32_t *count)
{
	const struct policy *policy = c->policy;
	uint32_t size = 0, made = 0;
	for (uint32_t i = 0; i < policy->model_count; i++)
		size += 2 + policy->models[i].profile_count;
	struct offer *offers = compile_scratch(c, size, sizeof *offers);
	for (uint32_t i = 0; i < policy->model_count; i++) {
		const struct model *m = &policy->models[i];
		const struct profile *base = m->strategy == MIG_SINGLE && m->profile_count ? &m->profiles[0] : NULL;
		bool same_name = str_present(m->share_resource) && str_eq(m->share_resource, m->resource);
		offers[made++] = make_offer(policy, i, m->resource, base, same_name);
		if (str_present(m->share_resource) && !same_name)
			offers[made++] =
			    make_offer(policy, i, m->share_resource, m->share_slice ? m->share_slice : base, true);
		for (uint32_t p = 0; m->strategy == MIG_MIXED && p < m->profile_count; p++) {
			/* Slices that are shared under their own name are shares, each of them. */
			if (m->share_slice && str_eq(m->profiles[p].resource, m->share_resource))
				continue;
			offers[made++] = make_offer(policy, i, m->profiles[p].resource, &m->profiles[p], false);
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

void compile_unit(struct compile *c)
{
	uint32_t count;
	const struct offer *offers = make_offers(c, &count);
	int64_t unit = UNIT_MIN;
	bool fits = true;
	for (uint32_t i = 0; i < count && fits; i++)
		fits = unit_add(&unit, offers[i].gpus_of) && unit_add(&unit, offers[i].memory_of);
	for (uint32_t t = 0; t < c->docs->tenants.count && fits; t++) {
		for (uint32_t q = 0; q < c->docs->tenants.items[t].quotas.count && fits; q++) {
			const struct doc_quota *quota = &c->docs->tenants.items[t].quotas.items[q];
			wide nano = quota->hard.value.nano;
			if (quota->measure.value == MEASURE_GPUS && !quota->hard.unlimited && nano > 0)
				fits = unit_add(&unit,
						QUANTITY_SCALE / gcd((int64_t)(nano % QUANTITY_SCALE), QUANTITY_SCALE));
		}
	}
	if (!fits) {
		docs_find(c->report, c->docs, SEVERITY_ERROR, (struct place){UINT32_MAX, 0, 0, 0},
			  "the weights, replicas and fractional quotas of the policy have no common unit; use rounder "
			  "numbers (fewer decimals, replicas that divide each other)");
		unit = UNIT_MIN;
	}
	c->policy->unit = unit;
}

static int offer_order(const void *a, const void *b)
{
	const struct offer *x = a, *y = b;
	int order = str_cmp(x->name, y->name);
	return order ? order : (x->model > y->model) - (x->model < y->model);
}

void compile_resources(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count;
	struct offer *offers = make_offers(c, &count);
	if (count)
		qsort(offers, count, sizeof *offers, offer_order);
	struct resource *resources = compile_alloc(c, count, sizeof *resources);
	struct landing *landings = compile_alloc(c, count, sizeof *landings);
	if (index_init(&policy->resource_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	int64_t unit = c->report->errors ? 0 : policy->unit; /* after an error the numbers mean nothing */
	for (uint32_t i = 0; i < count; i++) {
		const struct offer *offer = &offers[i];
		landings[i] = (struct landing){.model = offer->model,
					       .shared = offer->shared,
					       .max_per_container = policy->models[offer->model].max_per_container,
					       .gpus = (wide)offer->gpus * (unit / offer->gpus_of),
					       .memory = offer->memory == MEMORY_UNKNOWN
							     ? MEMORY_UNKNOWN
							     : (wide)offer->memory * (unit / offer->memory_of)};
		if (i == 0 || !str_eq(offers[i - 1].name, offer->name)) {
			struct resource *resource = &resources[policy->resource_count];
			*resource =
			    (struct resource){.name = offer->name, .slice = offer->slice, .landings = &landings[i]};
			index_add(&policy->resource_names, offer->name, (struct str){NULL, 0},
				  policy->resource_count++);
		}
		resources[policy->resource_count - 1].landing_count++;
	}
	policy->resources = resources;
	compile_partition(c, landings);
}
