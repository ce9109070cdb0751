#include "policy/compile/config.h"

#include <stdio.h>

#include "policy/base/utf8.h"
#include "policy/document/config_name.h"
#include "policy/model/catalog.h"

#define NVIDIA_PREFIX STR("nvidia.com/")

/* What the device plugin advertises for the Accelerator. */
struct share {
	const struct doc_replicated *entry; /* NULL: nothing is shared. */
	struct str resource;                /* The name of one share. */
	bool only_one;                      /* A request for several shares fails. */
	struct location only_one_at;
};

/* As in the device plugin, MPS counts if both ways are given. */
static const struct doc_replication *active(const struct doc_device_plugin *plugin)
{
	return plugin->mps.set ? &plugin->mps : &plugin->time_slicing;
}

static struct str with_prefix(struct compile *c, struct str name, struct str suffix)
{
	struct str prefix = str_has_char(name, '/') ? STR("") : NVIDIA_PREFIX;
	size_t len = prefix.len + name.len + suffix.len;
	char *text = compile_scratch(c, len + 1, 1);

	snprintf(text, len + 1, "%.*s%.*s%.*s", STR_ARG(prefix), STR_ARG(name), STR_ARG(suffix));
	return (struct str){text, len};
}

/* Returns `name` without the suffix of shares. */
static struct str unshared(struct str name)
{
	if (str_ends(name, CATALOG_SHARED_SUFFIX))
		name.len -= CATALOG_SHARED_SUFFIX.len;
	return name;
}

/*
 * How well an entry fits the Accelerator: 3, it is of the resource that `sharing.resource` names;
 * 2, of the whole device; 1, of a MIG slice; 0, of something else.
 */
static int fit(struct compile *c, const struct doc_accelerator *doc, const struct doc_replicated *entry)
{
	struct str name = with_prefix(c, entry->name.s, STR(""));

	if (entry->replicas.value < 2)
		return 0;
	if (str_present(doc->sharing.resource.s) && str_eq(unshared(doc->sharing.resource.s), name))
		return 3;
	if (str_eq(name, doc->resource.s))
		return 2;
	return doc->mig.set && str_starts(name, CATALOG_MIG_PREFIX) ? 1 : 0;
}

static struct share find_share(struct compile *c, const struct doc_accelerator *doc)
{
	const struct doc_device_plugin *plugin = doc->sharing.plugin;
	const struct doc_replication *how = active(plugin);
	struct share share = {.only_one = how->fail_above_one.set ? how->fail_above_one.value : plugin->mps.set,
			      .only_one_at = how->fail_above_one.set ? how->fail_above_one.at : how->at};
	int best = 0;

	for (uint32_t i = 0; i < how->resources.count; i++) {
		int fits = fit(c, doc, &how->resources.items[i]);
		if (fits <= best)
			continue;
		best = fits;
		share.entry = &how->resources.items[i];
	}
	if (share.entry)
		share.resource =
		    with_prefix(c, share.entry->name.s, how->rename_by_default.value ? CATALOG_SHARED_SUFFIX : STR(""));
	return share;
}

static void compare_share(struct compile *c, const struct doc_sharing *sharing, const struct share *share)
{
	const struct doc_replicated *entry = share->entry;

	if (str_present(sharing->resource.s) && !str_eq(sharing->resource.s, share->resource))
		COMPILE_LINT(c, LINT_CONFIG_DIFFERS, sharing->resource.at,
			     "shares are \"%.*s\" here, but the device plugin calls them \"%.*s\" (%s); correct one",
			     STR_ARG(sharing->resource.s), STR_ARG(share->resource), compile_where(c, entry->name.at));
	if (sharing->replicas.set && sharing->replicas.value != entry->replicas.value)
		COMPILE_LINT(
		    c, LINT_CONFIG_DIFFERS, sharing->replicas.at,
		    "there are %lld replicas here, but %lld in the device plugin's configuration (%s); correct "
		    "one",
		    (long long)sharing->replicas.value, (long long)entry->replicas.value,
		    compile_where(c, entry->replicas.at));
	if (share->only_one && sharing->max_per_container.value > 1)
		COMPILE_LINT(c, LINT_CONFIG_DIFFERS, sharing->max_per_container.at,
			     "a container may have %lld shares here, but the device plugin refuses more than one (%s); "
			     "correct one",
			     (long long)sharing->max_per_container.value, compile_where(c, share->only_one_at));
}

static void compare_strategy(struct compile *c, struct doc_mig *mig, const struct choice *strategy)
{
	static const char *const words[] = {
	    [MIG_MIXED] = "mixed", [MIG_SINGLE] = "single", [MIG_STRATEGY_NONE] = "none"};

	if (!mig->set || !strategy->set)
		return;
	if (!mig->strategy.set && strategy->value != MIG_STRATEGY_NONE)
		mig->strategy = *strategy;
	else if (mig->strategy.value != strategy->value)
		COMPILE_LINT(c, LINT_CONFIG_DIFFERS, mig->strategy.set ? mig->strategy.at : mig->at,
			     "the MIG strategy is \"%s\" here, but \"%s\" in the device plugin's configuration (%s); "
			     "correct one",
			     words[mig->strategy.value], words[strategy->value], compile_where(c, strategy->at));
}

/* Warns that the file of a name does not exist. `meanwhile` says what counts without it. */
static void missed(struct compile *c, const struct text *name, const char *meanwhile)
{
	COMPILE_LINT(c, LINT_CONFIG_MISSING, name->at, "there is no file \"%.*s\" among those of the policy, so %s",
		     STR_ARG(utf8_head(config_path(name->s), 80)), meanwhile);
}

static void configure_sharing(struct compile *c, struct doc_accelerator *doc)
{
	struct doc_sharing *sharing = &doc->sharing;
	bool complete = str_present(sharing->resource.s) && sharing->replicas.set;

	if (!sharing->plugin) {
		if (!complete)
			missed(c, &sharing->device_plugin_config,
			       "devices count as not shared; add the file, or write \"resource\" and \"replicas\"");
		sharing->set = complete;
		return;
	}
	compare_strategy(c, &doc->mig, &sharing->plugin->mig_strategy);
	struct share share = find_share(c, doc);
	if (!share.entry) {
		if (str_present(sharing->resource.s) || sharing->replicas.set)
			COMPILE_LINT(
			    c, LINT_CONFIG_DIFFERS, sharing->replicas.set ? sharing->replicas.at : sharing->resource.at,
			    "the Accelerator is shared here, but the device plugin's configuration (%s) does not "
			    "share \"%.*s\"; correct one",
			    compile_where(c, sharing->plugin->at), STR_ARG(doc->resource.s));
		sharing->set = complete;
		return;
	}
	compare_share(c, sharing, &share);
	if (!str_present(sharing->resource.s))
		sharing->resource = (struct text){share.resource, share.entry->name.at};
	if (!sharing->replicas.set)
		sharing->replicas = share.entry->replicas;
}

const struct doc_accelerator *compile_configured(struct compile *c, const struct doc_accelerator *doc)
{
	bool plugin = str_present(doc->sharing.device_plugin_config.s), parted = str_present(doc->mig.offered_from.s);

	if (!plugin && !parted)
		return doc;
	struct doc_accelerator *copy = compile_scratch(c, 1, sizeof *copy);
	*copy = *doc;
	if (plugin)
		configure_sharing(c, copy);
	if (parted && !doc->mig.layout && !doc->mig.offered.set)
		missed(c, &doc->mig.offered_from,
		       "every profile of the model counts as offered; add the file, or write \"offered\"");
	return copy;
}

/* --- MIG --- */

static const struct profile *find_profile(struct str name, const struct profile *table, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(table[i].name, name))
			return &table[i];
	return NULL;
}

static bool is_offered(const struct texts *offered, struct str name)
{
	for (uint32_t i = 0; i < offered->count; i++)
		if (str_eq(offered->items[i].s, name))
			return true;
	return false;
}

static bool is_cut(const struct doc_mig_layout *layout, struct str name)
{
	for (uint32_t i = 0; i < layout->count; i++)
		if (str_eq(layout->cuts[i].name.s, name))
			return true;
	return false;
}

void compile_compare_offered(struct compile *c, const struct doc_mig *mig, const struct profile *table, uint32_t count)
{
	const struct doc_mig_layout *layout = mig->layout;

	for (uint32_t i = 0; i < mig->offered.count; i++) {
		const struct text *name = &mig->offered.items[i];
		if (find_profile(name->s, table, count) && !is_cut(layout, name->s))
			COMPILE_LINT(
			    c, LINT_CONFIG_DIFFERS, name->at,
			    "\"%.*s\" is offered here, but mig-parted's configuration (%s) has no such profile; "
			    "correct one",
			    STR_ARG(name->s), compile_where(c, layout->at));
	}
	/* Where all layouts of a file count, the fleet need not use each of them. */
	for (uint32_t i = 0; layout->one && i < layout->count; i++) {
		const struct text *name = &layout->cuts[i].name;
		if (find_profile(name->s, table, count) && !is_offered(&mig->offered, name->s))
			COMPILE_LINT(
			    c, LINT_CONFIG_DIFFERS, mig->offered.at,
			    "\"%.*s\" is not offered here, but mig-parted's configuration (%s) has it; correct one",
			    STR_ARG(name->s), compile_where(c, name->at));
	}
}

void compile_layout(struct compile *c, const struct doc_mig *mig, const struct profile *table, uint32_t count,
		    struct model *model)
{
	const struct doc_mig_layout *layout = mig->layout;
	struct profile *profiles = compile_alloc(c, layout->count, sizeof *profiles);

	model->profiles = profiles;
	for (uint32_t i = 0; i < layout->count; i++) {
		const struct doc_cut *cut = &layout->cuts[i];
		const struct profile *profile = find_profile(cut->name.s, table, count);
		if (profile)
			profiles[model->profile_count++] = *profile;
		else if (layout->one && cut->any_model)
			COMPILE_LINT(c, LINT_CONFIG_DIFFERS, cut->name.at,
				     "the model has no MIG profile \"%.*s\", but the Accelerator (%s) names this "
				     "configuration; correct one",
				     STR_ARG(cut->name.s), compile_where(c, mig->offered_from.at));
	}
	if (model->profile_count == 0)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, mig->offered_from.at,
		    "the configuration (%s) has no profile of the model; name another one, or write \"offered\"",
		    compile_where(c, layout->at));
}
