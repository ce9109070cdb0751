/* rules_name: names of resources and labels that are nearly those of a vendor. */
#include "gpugate/suggest.h"
#include "policy/base/glob.h"
#include "policy/manifest/rules.h"
#include "policy/model/catalog.h"

#define PROFILES_MAX 256
#define DOMAIN_LEAST 9 /* Bytes of a domain, with its slash, that can be a misspelling. */

bool rules_is_extended(struct str name)
{
	struct str domain = catalog_vendor(name);
	return domain.len > 0 && domain.len < name.len && !str_starts(name, STR("requests.")) &&
	       (!str_ends(domain, STR("kubernetes.io")) || str_eq(domain, STR("deviceclass.resource.kubernetes.io")));
}

bool rules_is_limited(struct str name)
{
	return rules_is_extended(name) && !str_ends(catalog_vendor(name), STR("kubernetes.io"));
}

void rules_label(const struct view *view, const struct node *key)
{
	struct str near = catalog_near_label(key->text);
	if (str_present(near))
		VIEW_LINT(view, LINT_LABEL_MISSPELLED, key->at,
			  "no tool of a vendor sets the node label \"" SHOW "\"; did you mean \"%.*s\"?",
			  SHOWN(key->text), STR_ARG(near));
}

/* --- MIG profiles --- */

struct profiles {
	char text[PROFILES_MAX][CATALOG_MIG_NAME_MAX];
	struct str names[PROFILES_MAX]; /* Without nvidia.com/mig-. */
	size_t count;
};

static void collect_profiles(struct profiles *profiles)
{
	size_t models;
	const struct catalog_model *model = catalog_models(&models);
	profiles->count = 0;
	for (size_t m = 0; m < models; m++)
		for (size_t p = 0; p < model[m].profile_count && profiles->count < PROFILES_MAX; p++) {
			char *text = profiles->text[profiles->count];
			struct str name = {text, catalog_mig_resource(model[m].profiles[p].name, text)};
			profiles->names[profiles->count++] = str_tail(name, CATALOG_MIG_PREFIX.len);
		}
}

/*
 * A name that does not begin like a profile can be one to which the device plugin was told to
 * rename slices.
 */
static void check_profile(const struct view *view, struct str name, struct location at)
{
	int64_t numerator, denominator;
	struct profiles profiles;
	struct str profile = str_tail(name, CATALOG_MIG_PREFIX.len);
	if (catalog_mig_weight(name, &numerator, &denominator) || profile.len == 0 || profile.ptr[0] < '0' ||
	    profile.ptr[0] > '9')
		return;
	collect_profiles(&profiles);
	struct str near = suggest_word(profile, profiles.names, profiles.count, sizeof profiles.names[0]);
	if (str_present(near))
		VIEW_LINT(view, LINT_MIG_PROFILE_UNKNOWN, at,
			  "no known GPU model has the MIG profile of \"" SHOW
			  "\"; did you mean \"nvidia.com/mig-%.*s\"?",
			  SHOWN(name), STR_ARG(near));
	else
		VIEW_LINT(view, LINT_MIG_PROFILE_UNKNOWN, at,
			  "no known GPU model has the MIG profile of \"" SHOW
			  "\"; write a profile of the model, such as nvidia.com/mig-1g.10gb",
			  SHOWN(name));
}

/* --- Misspelled names --- */

/* Whether the name is the known one and a number, as people write who rename resources. */
static bool is_numbered(struct str name, struct str known)
{
	if (!str_starts(name, known))
		return false;
	for (size_t i = known.len; i < name.len; i++)
		if (name.ptr[i] < '0' || name.ptr[i] > '9')
			return false;
	return true;
}

/* Returns the known name after "limits.", which only a ResourceQuota has before a name. */
static struct str after_limits(struct str name)
{
	struct str prefix = STR("limits.");
	struct str bare = str_starts(name, prefix) ? str_tail(name, prefix.len) : STR("");
	return bare.len > 0 && catalog_find(bare) ? bare : (struct str){NULL, 0};
}

/* Returns the known name of the same domain that is meant, or an absent one. */
static struct str near_in_domain(struct str name, size_t domain)
{
	size_t count;
	const struct catalog_resource *rows = catalog_resources(&count);
	struct str rest = str_tail(name, domain);
	for (size_t i = 0; i < count; i++) {
		struct str known = str_tail(rows[i].pattern, rows[i].domain);
		if (rows[i].domain != domain || memcmp(rows[i].pattern.ptr, name.ptr, domain) != 0 ||
		    !glob_is_exact(known) || is_numbered(rest, known))
			continue;
		if (str_present(suggest_word(rest, &known, 1, sizeof known)))
			return rows[i].pattern;
	}
	return (struct str){NULL, 0};
}

/* The same for a name that has the known one's end, and nearly its domain. */
static struct str near_by_domain(struct str name, size_t domain)
{
	size_t count;
	const struct catalog_resource *rows = catalog_resources(&count);
	struct str own = {name.ptr, domain - 1}, rest = str_tail(name, domain);
	for (size_t i = 0; i < count; i++) {
		struct str known = {rows[i].pattern.ptr, rows[i].domain - 1};
		struct str end = str_tail(rows[i].pattern, rows[i].domain);
		bool bare = known.len == own.len + 4 && str_starts(known, own) && str_ends(known, STR(".com"));
		bool near = domain >= DOMAIN_LEAST && known.len + 2 >= own.len && own.len + 2 >= known.len &&
			    str_present(suggest_word(own, &known, 1, sizeof known));
		if (str_eq(rest, end) && glob_is_exact(end) && (bare || near))
			return rows[i].pattern;
	}
	return (struct str){NULL, 0};
}

/* Finds the slice that nvidia.com/mgi-1g.10gb or mig1g.10gb means. Returns its length, or 0. */
static size_t near_slice(struct str name, size_t domain, char *out)
{
	const struct str word = STR_INIT("mig"), prefix = CATALOG_MIG_PREFIX;
	struct str rest = str_tail(name, domain);
	int64_t numerator, denominator;
	if (!str_starts(prefix, (struct str){name.ptr, domain}) || rest.len < 5 || rest.len > CATALOG_MIG_NAME_MAX / 2)
		return 0;
	struct str head = {rest.ptr, word.len};
	struct str profile = str_tail(rest, word.len + (rest.ptr[3] == '-' || rest.ptr[3] == '.'));
	if (!str_present(suggest_word(head, &word, 1, sizeof word)))
		return 0;
	memcpy(out, prefix.ptr, prefix.len);
	memcpy(out + prefix.len, profile.ptr, profile.len);
	struct str slice = {out, prefix.len + profile.len};
	return catalog_mig_weight(slice, &numerator, &denominator) ? slice.len : 0;
}

void rules_name(const struct view *view, struct str name, struct location at)
{
	size_t domain = catalog_vendor(name).len + 1;
	const struct catalog_resource *row = catalog_find(name);
	if (str_starts(name, CATALOG_MIG_PREFIX)) {
		check_profile(view, name, at);
		return;
	}
	if (row && !str_ends(row->pattern, STR("/*"))) {
		if (row->role == ROLE_MONITOR)
			VIEW_LINT(view, LINT_MONITOR_RESOURCE, at,
				  "\"" SHOW "\" shows the container every GPU of its node; request a device, such as "
				  "gpu.intel.com/xe",
				  SHOWN(name));
		return;
	}
	if (catalog_is_label(name)) {
		VIEW_LINT(view, LINT_RESOURCE_MISSPELLED, at,
			  "\"" SHOW "\" is a label of nodes and no resource; name the resource, such as nvidia.com/gpu",
			  SHOWN(name));
		return;
	}
	char slice[CATALOG_MIG_NAME_MAX];
	struct str near = row ? near_in_domain(name, domain) : near_by_domain(name, domain);
	if (!str_present(near))
		near = after_limits(name);
	if (!str_present(near)) {
		size_t len = near_slice(name, domain, slice);
		near = (struct str){len ? slice : NULL, len};
	}
	if (str_present(near))
		VIEW_LINT(view, LINT_RESOURCE_MISSPELLED, at,
			  "no device plugin advertises \"" SHOW "\"; did you mean \"%.*s\"?", SHOWN(name),
			  STR_ARG(near));
}
