/* known: answers about the built-in tables. The forms of names are in policy/document/formats.c. */
#include "gpugate/known.h"

#include "policy/model/catalog.h"

#define PRODUCT_MAX 63 /* Bytes of a label value. */
#define MIB_PER_GIB 1024
#define NEAR_PERCENT 6 /* A device shows up to so much less memory than its name says. */

enum known_kind known_resource(struct str name)
{
	static const enum known_kind kinds[ROLES] = {
	    [ROLE_DEVICE] = KNOWN_DEVICE,   [ROLE_SHARE] = KNOWN_SHARE,      [ROLE_SLICE] = KNOWN_SLICE,
	    [ROLE_MONITOR] = KNOWN_MONITOR, [ROLE_COMPANION] = KNOWN_BESIDE, [ROLE_NETWORK] = KNOWN_BESIDE,
	    [ROLE_OTHER] = KNOWN_BESIDE,    [ROLE_UNKNOWN] = KNOWN_NOT,
	};
	const struct catalog_resource *row = catalog_find(name);
	return row ? kinds[row->role] : KNOWN_NOT;
}

/* Returns the name of a model without its memory: a100 of a100-80gb. */
static struct str family_of(struct str model)
{
	size_t len = model.len;
	if (!str_ends(model, STR("gb")))
		return model;
	while (len > 0 && model.ptr[len - 1] != '-')
		len--;
	return (struct str){model.ptr, len ? len - 1 : 0};
}

/* Whether the words of `words`, which hyphens separate, are some of those of `text`, in a row. */
static bool has_words(struct str text, struct str words)
{
	for (size_t at = 0; words.len && at + words.len <= text.len; at++) {
		size_t end = at + words.len;
		if ((at == 0 || text.ptr[at - 1] == '-') && (end == text.len || text.ptr[end] == '-') &&
		    memcmp(text.ptr + at, words.ptr, words.len) == 0)
			return true;
	}
	return false;
}

struct str known_mig_profile(struct str model, struct str resource)
{
	const struct catalog_model *row = catalog_model(model);
	for (size_t i = 0; row && i < row->profile_count; i++) {
		char name[CATALOG_MIG_NAME_MAX];
		size_t len = catalog_mig_resource(row->profiles[i].name, name);
		if (str_eq(resource, (struct str){name, len}))
			return row->profiles[i].name;
	}
	return (struct str){NULL, 0};
}

bool known_is_mig_model(struct str name)
{
	return catalog_model(name) != NULL;
}

static bool has_profiles(const struct catalog_model *model, const struct str *resources, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!str_present(known_mig_profile(model->name, resources[i])))
			return false;
	return true;
}

/* How far the memory is from that of the model, in MiB; -1: too far to be the same. */
static int64_t distance(const struct catalog_model *model, int64_t mib)
{
	int64_t own = (int64_t)model->gib * MIB_PER_GIB, apart = mib > own ? mib - own : own - mib;
	return apart * 100 <= own * NEAR_PERCENT ? apart : -1;
}

/* Whether the product's name says the memory of the model: 80gb of a100-80gb. */
static bool says_memory(struct str product, const struct catalog_model *model)
{
	struct str family = family_of(model->name);
	return family.len < model->name.len && has_words(product, str_tail(model->name, family.len + 1));
}

struct str known_mig_model(struct str product, int64_t mib, const struct str *resources, uint32_t count)
{
	char lower[PRODUCT_MAX];
	struct str name = {lower, product.len < PRODUCT_MAX ? product.len : PRODUCT_MAX}, found = {NULL, 0};
	int64_t nearest = -1;
	size_t models, several = 0;
	const struct catalog_model *model = catalog_models(&models);
	for (size_t i = 0; i < name.len; i++) {
		char c = product.ptr[i];
		lower[i] = c == ' ' || c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	for (size_t i = 0; i < models; i++, model++) {
		if (!has_words(name, family_of(model->name)) || !has_profiles(model, resources, count))
			continue;
		int64_t apart = mib > 0 && model->gib > 0  ? distance(model, mib)
				: says_memory(name, model) ? 0
							   : INT64_MAX;
		if (apart < 0 || (str_present(found) && apart > nearest))
			continue;
		several = str_present(found) && apart == nearest ? several + 1 : 0;
		nearest = apart;
		found = model->name;
	}
	return several ? (struct str){NULL, 0} : found;
}
