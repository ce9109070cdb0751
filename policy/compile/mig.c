/*
 * mig: compiles the MIG profiles of a model, those that its nodes offer, and the slice that is
 * shared.
 */
#include "policy/compile/mig.h"

#include "policy/base/mig_profile.h"
#include "policy/compile/amount.h"
#include "policy/compile/config.h"
#include "policy/model/catalog.h"

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
	int64_t bytes = compile_memory(c, &doc->memory, mig_profile_gib(doc->name.s) << 30);
	if (bytes == 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->name.at,
			    "profile \"%.*s\" does not say its memory; name it like 1g.10gb or give `memory`",
			    STR_ARG(doc->name.s));
	if (doc->compute_slices.value > model->compute_total || doc->memory_slices.value > model->memory_total)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->name.at,
			    "profile \"%.*s\" has more slices than the device: %lld compute and %lld memory slices",
			    STR_ARG(doc->name.s), (long long)model->compute_total, (long long)model->memory_total);
	*out = make_profile(c, doc->name.s, doc->compute_slices.value, doc->memory_slices.value, bytes);
}

/*
 * Returns all profiles of the model's table, offered or not. Returns NULL if there is no table
 * (reported).
 */
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
		docs_report(c->report, c->docs, SEVERITY_ERROR, str_present(mig->model.s) ? mig->model.at : mig->at,
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

/*
 * Returns the profile that was probably meant by the name of its resource, with or without prefix,
 * or NULL.
 */
static const struct profile *meant_profile(struct str name, const struct profile *table, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(name, table[i].resource) ||
		    str_eq(name, str_tail(table[i].resource, sizeof "nvidia.com/" - 1)) ||
		    str_eq(name, str_tail(table[i].resource, CATALOG_MIG_PREFIX.len)))
			return &table[i];
	return NULL;
}

/*
 * Reports an unknown profile, with all profiles of the model. Names of profiles differ in a digit
 * or two, so the nearest one is seldom the one that was meant.
 */
static void report_profile(struct compile *c, const struct text *name, const struct profile *table, uint32_t count)
{
	const struct profile *meant = meant_profile(name->s, table, count);
	char list[400] = "";
	size_t len = 0;
	for (uint32_t i = 0; i < count && len < sizeof list; i++) {
		int wrote = snprintf(list + len, sizeof list - len, "%s%.*s", i ? ", " : "", STR_ARG(table[i].name));
		len += wrote > 0 ? (size_t)wrote : 0;
	}
	if (meant)
		docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
			    "the model has no MIG profile \"%.*s\"; did you mean \"%.*s\"?", STR_ARG(name->s),
			    STR_ARG(meant->name));
	else
		docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
			    "the model has no MIG profile \"%.*s\"; it has %s", STR_ARG(name->s), list);
}

const struct profile *compile_find_profile(struct compile *c, const struct text *name, const struct profile *table,
					   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(table[i].name, name->s))
			return &table[i];
	if (count)
		report_profile(c, name, table, count);
	return NULL;
}

/*
 * Sets the profiles that the fleet's MIG layout advertises: those in `offered`, or all without a
 * suffix.
 */
static void offer_profiles(struct compile *c, const struct doc_mig *mig, const struct profile *table, uint32_t count,
			   struct model *model)
{
	uint32_t size = mig->offered.set ? mig->offered.count : count, offered = 0;
	struct profile *profiles = compile_alloc(c, size, sizeof *profiles);
	for (uint32_t i = 0; !mig->offered.set && i < count; i++)
		if (mig_profile_plain(table[i].name))
			profiles[offered++] = table[i];
	for (uint32_t i = 0; mig->offered.set && i < size; i++) {
		const struct profile *found = compile_find_profile(c, &mig->offered.items[i], table, count);
		if (found)
			profiles[offered++] = *found;
	}
	model->profiles = profiles;
	model->profile_count = offered;
}

const struct profile *compile_mig(struct compile *c, const struct doc_accelerator *doc, struct model *model,
				  uint32_t *count_out)
{
	*count_out = 0;
	if (!doc->mig.set)
		return NULL;
	model->strategy = (enum mig_strategy)doc->mig.strategy.value;
	uint32_t errors = c->report->errors, count;
	const struct profile *table = profile_table(c, doc, model, &count);
	*count_out = count;
	if (c->report->errors == errors && doc->mig.layout && !doc->mig.offered.set)
		compile_layout(c, &doc->mig, table, count, model);
	else if (c->report->errors == errors)
		offer_profiles(c, &doc->mig, table, count, model);
	if (c->report->errors == errors && doc->mig.layout && doc->mig.offered.set)
		compile_compare_offered(c, &doc->mig, table, count);
	if (c->report->errors == errors && model->strategy == MIG_SINGLE && model->profile_count != 1)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->mig.at,
			    "with `strategy: single` all slices are of one profile; name that one in mig.offered");
	return table;
}

void compile_share_slice(struct compile *c, const struct doc_accelerator *doc, const struct profile *table,
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
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->sharing.resource.at,
			    "\"%.*s\" is a share of a MIG slice that the Accelerator does not have; %s",
			    STR_ARG(model->share_resource),
			    !doc->mig.set ? "say in `mig` how the device is cut"
			    : model->strategy == MIG_SINGLE
				? "with `strategy: single` slices have the Accelerator's own name"
				: "name one of its profiles, such as nvidia.com/mig-1g.10gb.shared");
}
