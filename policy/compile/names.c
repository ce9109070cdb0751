/*
 * names: checks names of resources: Settings.otherResources, and whether the resources of quotas
 * and Rules exist and can be counted.
 */
#include "policy/compile/names.h"

#include "gpugate/enum_names.h"
#include "gpugate/suggest.h"
#include "policy/base/glob.h"
#include "policy/compile/steps.h"
#include "policy/compile/warn.h"
#include "policy/model/catalog.h"
#include "policy/model/class_part.h"

/* Whether a quota counts the resource without naming it exactly. */
static bool counts_by_pattern(enum role role)
{
	return !role_needs_name(role);
}

/*
 * Collects the names that may be suggested: those of the policy, and those of the catalog without a
 * wildcard.
 */
static void compile_known_names(struct compile *c)
{
	struct policy *policy = c->policy;
	size_t rows;
	const struct catalog_resource *catalog = catalog_resources(&rows);
	struct str *names = compile_alloc(c, policy->resource_count + rows, sizeof *names);
	for (uint32_t i = 0; i < policy->resource_count; i++)
		/* Nobody writes the name of a part. */
		if (!class_part_is(policy->resources[i].name))
			names[policy->known_name_count++] = policy->resources[i].name;
	for (size_t i = 0; i < rows; i++)
		if (glob_is_exact(catalog[i].pattern))
			names[policy->known_name_count++] = catalog[i].pattern;
	policy->known_names = names;
}

/* Reports a pattern of otherResources that matches a resource of an Accelerator. */
static void check_other(struct compile *c, const struct text *pattern)
{
	const struct policy *policy = c->policy;
	for (uint32_t i = 0; i < policy->resource_count; i++) {
		const struct resource *resource = &policy->resources[i];
		if (!glob_match(pattern->s, resource->name))
			continue;
		uint32_t model = resource->landings[0].model;
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, pattern->at,
		    "\"%.*s\" matches \"%.*s\", a resource of Accelerator \"%.*s\" at %s; make the pattern narrower",
		    STR_ARG(pattern->s), STR_ARG(resource->name), STR_ARG(policy->models[model].name),
		    compile_where(c, c->accelerators[model]->resource.at));
		return;
	}
}

void compile_resource_names(struct compile *c)
{
	struct policy *policy = c->policy;
	compile_known_names(c);
	if (c->docs->settings.count == 0)
		return;
	const struct texts *others = &c->docs->settings.items[0].other_resources;
	for (uint32_t i = 0; i < others->count; i++)
		check_other(c, &others->items[i]);
	policy->other_resources = (struct globs){compile_keep_all(c, others), others->count};
}

/* Whether a quota with this pattern could count something. */
static bool pattern_counts(const struct policy *policy, struct str pattern, bool specific)
{
	for (uint32_t i = 0; i < policy->resource_count; i++)
		if (glob_match(pattern, policy->resources[i].name))
			return true;
	return catalog_overlap(pattern, counts_by_pattern, specific) != NULL;
}

static bool known_pattern(struct compile *c, const struct text *name)
{
	if (pattern_counts(c->policy, name->s, false))
		return true;
	const struct catalog_resource *row = catalog_overlap(name->s, role_needs_name, false);
	if (!row)
		return false;
	docs_report(
	    c->report, c->docs, SEVERITY_ERROR, name->at,
	    "\"%.*s\" counts nothing: it matches names such as %.*s (%s), which count only where a quota names them "
	    "without a wildcard",
	    STR_ARG(name->s), STR_ARG(row->pattern), role_words(row->role));
	return true;
}

static struct str rest_of(struct str name)
{
	const char *slash = memchr(name.ptr, '/', name.len);
	return slash ? str_tail(name, (size_t)(slash - name.ptr) + 1) : name;
}

/* Returns the similar resource of an Accelerator in the same domain, or an absent str. */
static struct str near_resource(struct compile *c, struct str name)
{
	const struct policy *policy = c->policy;
	struct str rest = rest_of(name);
	for (uint32_t i = 0; i < policy->resource_count; i++) {
		struct str known = policy->resources[i].name, right = rest_of(known);
		bool same_domain = known.len - right.len == name.len - rest.len &&
				   memcmp(known.ptr, name.ptr, name.len - rest.len) == 0;
		if (same_domain && str_present(suggest_word_within(rest, &right, 1, sizeof right, &c->suggest_work)))
			return known;
	}
	return (struct str){NULL, 0};
}

/*
 * Warns of a name that is an accelerator only because of its vendor's domain, and may be a
 * misspelling of one in the policy.
 */
static void warn_misspelled(struct compile *c, const struct text *name)
{
	const struct policy *policy = c->policy;
	const struct catalog_resource *row = snapshot_resource(policy, name->s) ? NULL : catalog_find(name->s);
	if (!row || !str_ends(row->pattern, STR("/*")))
		return;
	struct str near = near_resource(c, name->s);
	if (catalog_is_label(name->s) || str_present(catalog_near_label(name->s)))
		COMPILE_LINT(
		    c, LINT_RESOURCE_MISSPELLED, name->at,
		    "\"%.*s\" is a label of nodes and no resource that a Pod asks for; name the resource, such as "
		    "nvidia.com/gpu",
		    STR_ARG(name->s));
	else if (str_present(near))
		COMPILE_LINT(
		    c, LINT_RESOURCE_MISSPELLED, name->at,
		    "no Accelerator has \"%.*s\", which counts as a device only because of its domain; did you "
		    "mean \"%.*s\"?",
		    STR_ARG(name->s), STR_ARG(near));
}

static bool known_name(struct compile *c, const struct text *name, bool quota)
{
	enum role role = snapshot_role(c->policy, name->s);
	if (role == ROLE_UNKNOWN || !str_has_char(name->s, '/'))
		return false;
	if (!quota && !role_is_accelerator(role))
		docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
			    "\"%.*s\" is %s; Rules see and rewrite only accelerators", STR_ARG(name->s),
			    role_words(role));
	warn_misspelled(c, name);
	return true;
}

/* Users who are used to ResourceQuota write its prefixes here too. */
bool compile_resource_prefix(struct compile *c, const struct text *name)
{
	static const struct str prefixes[] = {{"requests.", 9}, {"limits.", 7}};
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		if (!str_starts(name->s, prefixes[i]) || !str_has_char(name->s, '/'))
			continue;
		struct str bare = str_tail(name->s, prefixes[i].len);
		COMPILE_LINT(
		    c, LINT_RESOURCE_PREFIX, name->at,
		    "\"%.*s\" is how a ResourceQuota writes it; here a resource has its own name, so write %.*s",
		    STR_ARG(name->s), STR_ARG(bare));
		docs_fix(c->report, c->docs, LINT_RESOURCE_PREFIX, name->at, name->at, prefixes[i], STR(""));
		return true;
	}
	return false;
}

/*
 * Whether the name may be a slice of an Accelerator whose `mig` has an error, which has been
 * reported.
 */
static bool slice_of_broken(const struct compile *c, struct str name)
{
	bool broken = false;
	for (uint32_t m = 0; m < c->policy->model_count; m++)
		broken |= c->broken[m];
	return broken && str_starts(name, CATALOG_MIG_PREFIX);
}

/*
 * Returns a hint with the known name that differs only by its domain: nvidia.com/gpu for "gpu".
 * Otherwise returns an empty string.
 */
static const char *bare_name(struct compile *c, struct str name)
{
	const struct policy *policy = c->policy;
	for (uint32_t i = 0; i < policy->known_name_count && !str_has_char(name, '/'); i++) {
		struct str known = policy->known_names[i];
		if (known.len > name.len && str_ends(known, name) && known.ptr[known.len - name.len - 1] == '/')
			return compile_did_you_mean(c, known, &known, 1, sizeof known);
	}
	return "";
}

bool compile_known_resource(struct compile *c, const struct text *name, bool quota)
{
	const struct policy *policy = c->policy;
	bool exact = glob_is_exact(name->s);
	if (!exact && !quota) {
		docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
			    "\"%.*s\" is a pattern; name one resource here", STR_ARG(name->s));
		return false;
	}
	if (compile_resource_prefix(c, name))
		return false;
	if (exact ? known_name(c, name, quota) : known_pattern(c, name))
		return true;
	if (slice_of_broken(c, name->s))
		return false;
	const char *hint = compile_did_you_mean(c, name->s, policy->known_names, policy->known_name_count,
						sizeof *policy->known_names);
	if (!*hint)
		hint = bare_name(c, name->s);
	docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
		    "no Accelerator has a resource \"%.*s\" and no built-in catalog knows it%s", STR_ARG(name->s),
		    *hint ? hint : "; name it as the device plugin does, or add an Accelerator for it");
	return false;
}

/* Whether a quota counts the resource only if it names it exactly. */
static bool needs_name(const struct policy *policy, struct str name)
{
	return glob_is_exact(name) && str_has_char(name, '/') && role_needs_name(snapshot_role(policy, name));
}

bool compile_quota_names(struct compile *c, const struct doc_quota *doc, struct quota *quota)
{
	bool fine = true;
	for (uint32_t i = 0; i < doc->resources.count; i++) {
		const struct text *name = &doc->resources.items[i];
		enum role role = snapshot_role(c->policy, name->s);
		if (role == ROLE_UNKNOWN || !needs_name(c->policy, name->s))
			continue;
		quota->names_others |= !role_is_accelerator(role);
		if (quota->measure != MEASURE_COUNT)
			docs_report(c->report, c->docs, SEVERITY_ERROR, name->at,
				    "\"%.*s\" is %s and can only be counted; name it in a quota with `measure: count` "
				    "(this one "
				    "measures %s)",
				    STR_ARG(name->s), role_words(role), measure_name(quota->measure));
		else if (doc->accelerators.set)
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, name->at,
			    "\"%.*s\" is %s and belongs to no Accelerator; name it in a quota without `accelerators`",
			    STR_ARG(name->s), role_words(role));
		else
			continue;
		fine = false;
	}
	return fine;
}

/*
 * Warns of a pattern that was probably meant for MIG slices, and matches only the row of a whole
 * domain in the catalog: nvidia.com/mgi-*.
 */
static void warn_pattern(struct compile *c, const struct text *name)
{
	const struct str mig = {"mig-*", 5}, rest = rest_of(name->s);
	if (c->policy->resource_count > 0 && str_starts(name->s, STR("nvidia.com/")) &&
	    str_present(suggest_word(rest, &mig, 1, sizeof mig)))
		COMPILE_LINT(c, LINT_RESOURCE_PATTERN, name->at,
			     "\"%.*s\" matches no resource of an Accelerator and no well-known name; did you mean "
			     "\"nvidia.com/mig-*\"?",
			     STR_ARG(name->s));
}

/* Warns of a pattern or a sum that is probably not what was meant. */
static void warn_quota_names(struct compile *c, const struct doc_quota *doc)
{
	const struct policy *policy = c->policy;
	const struct text *companion = NULL;
	bool devices = false;
	for (uint32_t i = 0; i < doc->resources.count; i++) {
		const struct text *name = &doc->resources.items[i];
		const struct catalog_resource *row;
		if (needs_name(policy, name->s)) {
			companion = snapshot_is_accelerator(policy, name->s) ? companion : name;
			continue;
		}
		devices = true;
		if (glob_is_exact(name->s) || pattern_counts(policy, name->s, true))
			continue;
		row = catalog_overlap(name->s, role_needs_name, true);
		if (row)
			COMPILE_LINT(
			    c, LINT_RESOURCE_PATTERN, name->at,
			    "this counts none of the names that it is known to match: %.*s (%s), for one, counts only "
			    "where a quota names it without a wildcard",
			    STR_ARG(row->pattern), role_words(row->role));
		else
			warn_pattern(c, name);
	}
	if (devices && companion)
		COMPILE_LINT(
		    c, LINT_QUOTA_MIXES_UNITS, companion->at,
		    "the quota adds units of \"%.*s\", which is %s, to its number of accelerators; give it a quota "
		    "of its own",
		    STR_ARG(companion->s), role_words(snapshot_role(policy, companion->s)));
}

/* Warns of a pattern in otherResources that excludes well-known accelerators from every quota. */
static void warn_other(struct compile *c, const struct text *pattern)
{
	const struct catalog_resource *row = catalog_overlap(pattern->s, role_is_accelerator, true);
	size_t literal = glob_literal(pattern->s);
	bool whole_domain = literal < pattern->s.len && !(literal > 0 && memchr(pattern->s.ptr, '/', literal - 1));
	if (!row && whole_domain)
		row = catalog_overlap(pattern->s, role_is_accelerator, false);
	if (row)
		COMPILE_LINT(c, LINT_OTHER_RESOURCES, pattern->at,
			     "this takes %.*s out of every quota, although the built-in catalog knows it as %s",
			     STR_ARG(row->pattern), role_words(row->role));
}

void compile_name_warnings(struct compile *c)
{
	for (uint32_t q = 0; q < c->policy->quota_count; q++)
		warn_quota_names(c, c->quotas[q]);
	for (uint32_t i = 0; i < c->docs->settings.count; i++)
		for (uint32_t k = 0; k < c->docs->settings.items[i].other_resources.count; k++)
			warn_other(c, &c->docs->settings.items[i].other_resources.items[k]);
}
