/*
 * catalog_mig: the MIG profiles of all models that support MIG. `Ngb` is nominal: the device has a
 * little less memory.
 */
#include "policy/base/mig_profile.h"
#include "policy/model/catalog.h"

#define S(literal)                                                                                                     \
	{                                                                                                              \
		(literal), sizeof(literal) - 1                                                                         \
	}

static const struct catalog_profile a100_40gb[] = {
    {S("1g.5gb"), 1, 1, 5},   {S("1g.5gb+me"), 1, 1, 5}, {S("1g.10gb"), 1, 2, 10}, {S("2g.10gb"), 2, 2, 10},
    {S("3g.20gb"), 3, 4, 20}, {S("4g.20gb"), 4, 4, 20},  {S("7g.40gb"), 7, 8, 40},
};

static const struct catalog_profile a100_80gb[] = {
    {S("1g.10gb"), 1, 1, 10}, {S("1g.10gb+me"), 1, 1, 10}, {S("1g.20gb"), 1, 2, 20}, {S("2g.20gb"), 2, 2, 20},
    {S("3g.40gb"), 3, 4, 40}, {S("4g.40gb"), 4, 4, 40},    {S("7g.80gb"), 7, 8, 80},
};

static const struct catalog_profile h100_80gb[] = {
    {S("1g.10gb"), 1, 1, 10}, {S("1g.10gb+me"), 1, 1, 10}, {S("1g.20gb"), 1, 2, 20}, {S("2g.20gb"), 2, 2, 20},
    {S("3g.40gb"), 3, 4, 40}, {S("4g.40gb"), 4, 4, 40},    {S("7g.80gb"), 7, 8, 80},
};

static const struct catalog_profile h100_94gb[] = {
    {S("1g.12gb"), 1, 1, 12}, {S("1g.12gb+me"), 1, 1, 12}, {S("1g.24gb"), 1, 2, 24}, {S("2g.24gb"), 2, 2, 24},
    {S("3g.47gb"), 3, 4, 47}, {S("4g.47gb"), 4, 4, 47},    {S("7g.94gb"), 7, 8, 94},
};

static const struct catalog_profile h100_96gb[] = {
    {S("1g.12gb"), 1, 1, 12}, {S("1g.12gb+me"), 1, 1, 12}, {S("1g.24gb"), 1, 2, 24}, {S("2g.24gb"), 2, 2, 24},
    {S("3g.48gb"), 3, 4, 48}, {S("4g.48gb"), 4, 4, 48},    {S("7g.96gb"), 7, 8, 96},
};

static const struct catalog_profile gh200_96gb[] = {
    {S("1g.12gb"), 1, 1, 12}, {S("1g.12gb+me"), 1, 1, 12}, {S("1g.24gb"), 1, 2, 24}, {S("2g.24gb"), 2, 2, 24},
    {S("3g.48gb"), 3, 4, 48}, {S("4g.48gb"), 4, 4, 48},    {S("7g.96gb"), 7, 8, 96},
};

static const struct catalog_profile h20_96gb[] = {
    {S("1g.12gb"), 1, 1, 12}, {S("1g.12gb+me"), 1, 1, 12}, {S("1g.24gb"), 1, 2, 24}, {S("2g.24gb"), 2, 2, 24},
    {S("3g.48gb"), 3, 4, 48}, {S("4g.48gb"), 4, 4, 48},    {S("7g.96gb"), 7, 8, 96},
};

static const struct catalog_profile h200_141gb[] = {
    {S("1g.18gb"), 1, 1, 18}, {S("1g.18gb+me"), 1, 1, 18}, {S("1g.35gb"), 1, 2, 35},   {S("2g.35gb"), 2, 2, 35},
    {S("3g.71gb"), 3, 4, 71}, {S("4g.71gb"), 4, 4, 71},    {S("7g.141gb"), 7, 8, 141},
};

static const struct catalog_profile gh200_144gb[] = {
    {S("1g.18gb"), 1, 1, 18}, {S("1g.18gb+me"), 1, 1, 18}, {S("1g.36gb"), 1, 2, 36},   {S("2g.36gb"), 2, 2, 36},
    {S("3g.72gb"), 3, 4, 72}, {S("4g.72gb"), 4, 4, 72},    {S("7g.144gb"), 7, 8, 144},
};

static const struct catalog_profile b200_180gb[] = {
    {S("1g.23gb"), 1, 1, 23}, {S("1g.23gb+me"), 1, 1, 23}, {S("1g.45gb"), 1, 2, 45},   {S("2g.45gb"), 2, 2, 45},
    {S("3g.90gb"), 3, 4, 90}, {S("4g.90gb"), 4, 4, 90},    {S("7g.180gb"), 7, 8, 180},
};

static const struct catalog_profile gb200_186gb[] = {
    {S("1g.23gb"), 1, 1, 23}, {S("1g.23gb+me"), 1, 1, 23}, {S("1g.47gb"), 1, 2, 47},   {S("2g.47gb"), 2, 2, 47},
    {S("3g.93gb"), 3, 4, 93}, {S("4g.93gb"), 4, 4, 93},    {S("7g.186gb"), 7, 8, 186},
};

/* The same board with more memory enabled: NVIDIA/gpu-operator, pull request 1303. */
static const struct catalog_profile gb200_189gb[] = {
    {S("1g.24gb"), 1, 1, 24}, {S("1g.24gb+me"), 1, 1, 24}, {S("1g.47gb"), 1, 2, 47},   {S("2g.47gb"), 2, 2, 47},
    {S("3g.95gb"), 3, 4, 95}, {S("4g.95gb"), 4, 4, 95},    {S("7g.189gb"), 7, 8, 189},
};

static const struct catalog_profile b300_269gb[] = {
    {S("1g.34gb"), 1, 1, 34},   {S("1g.34gb+me"), 1, 1, 34}, {S("1g.67gb"), 1, 2, 67},   {S("2g.67gb"), 2, 2, 67},
    {S("3g.135gb"), 3, 4, 135}, {S("4g.135gb"), 4, 4, 135},  {S("7g.269gb"), 7, 8, 269},
};

static const struct catalog_profile gb300_278gb[] = {
    {S("1g.35gb"), 1, 1, 35},   {S("1g.35gb+me"), 1, 1, 35}, {S("1g.70gb"), 1, 2, 70},   {S("2g.70gb"), 2, 2, 70},
    {S("3g.139gb"), 3, 4, 139}, {S("4g.139gb"), 4, 4, 139},  {S("7g.278gb"), 7, 8, 278},
};

static const struct catalog_profile a30_24gb[] = {
    {S("1g.6gb"), 1, 1, 6},      {S("1g.6gb+me"), 1, 1, 6}, {S("2g.12gb"), 2, 2, 12},
    {S("2g.12gb+me"), 2, 2, 12}, {S("4g.24gb"), 4, 4, 24},
};

static const struct catalog_profile rtx_pro_6000_96gb[] = {
    {S("1g.24gb"), 1, 1, 24},        {S("1g.24gb+me"), 1, 1, 24},     {S("1g.24gb+gfx"), 1, 1, 24},
    {S("1g.24gb+me.all"), 1, 1, 24}, {S("1g.24gb-me"), 1, 1, 24},     {S("2g.48gb"), 2, 2, 48},
    {S("2g.48gb+gfx"), 2, 2, 48},    {S("2g.48gb+me.all"), 2, 2, 48}, {S("2g.48gb-me"), 2, 2, 48},
    {S("4g.96gb"), 4, 4, 96},        {S("4g.96gb+gfx"), 4, 4, 96},
};

static const struct catalog_profile rtx_pro_5000_48gb[] = {
    {S("1g.24gb"), 1, 1, 24},        {S("1g.24gb+me"), 1, 1, 24}, {S("1g.24gb+gfx"), 1, 1, 24},
    {S("1g.24gb+me.all"), 1, 1, 24}, {S("1g.24gb-me"), 1, 1, 24}, {S("2g.48gb"), 2, 2, 48},
    {S("2g.48gb+gfx"), 2, 2, 48},
};

static const struct catalog_profile rtx_pro_4500_32gb[] = {
    {S("1g.16gb"), 1, 1, 16},    {S("1g.16gb+gfx"), 1, 1, 16}, {S("1g.16gb+me.all"), 1, 1, 16},
    {S("1g.16gb-me"), 1, 1, 16}, {S("2g.32gb"), 2, 2, 32},     {S("2g.32gb+gfx"), 2, 2, 32},
};

/* Thor's GPU has no memory of its own: it uses the machine's, and every profile is called 0gb. */
static const struct catalog_profile thor[] = {
    {S("1g.0gb"), 1, 1, 0},     {S("1g.0gb+me"), 1, 1, 0}, {S("1g.0gb+gfx"), 1, 1, 0}, {S("2g.0gb"), 2, 2, 0},
    {S("2g.0gb+gfx"), 2, 2, 0}, {S("3g.0gb"), 3, 3, 0},    {S("3g.0gb+gfx"), 3, 3, 0},
};

#define MODEL(name, table, compute, memory, gib)                                                                       \
	{                                                                                                              \
		S(name), compute, memory, gib, table, sizeof(table) / sizeof((table)[0])                               \
	}

static const struct catalog_model models[] = {
    MODEL("a100-40gb", a100_40gb, 7, 8, 40),
    MODEL("a100-80gb", a100_80gb, 7, 8, 80),
    MODEL("h100-80gb", h100_80gb, 7, 8, 80),
    MODEL("h100-94gb", h100_94gb, 7, 8, 94),
    MODEL("h100-96gb", h100_96gb, 7, 8, 96),
    MODEL("gh200-96gb", gh200_96gb, 7, 8, 96),
    MODEL("h20-96gb", h20_96gb, 7, 8, 96),
    MODEL("h200-141gb", h200_141gb, 7, 8, 141),
    MODEL("gh200-144gb", gh200_144gb, 7, 8, 144),
    MODEL("b200-180gb", b200_180gb, 7, 8, 180),
    MODEL("gb200-186gb", gb200_186gb, 7, 8, 186),
    MODEL("gb200-189gb", gb200_189gb, 7, 8, 189),
    MODEL("b300-269gb", b300_269gb, 7, 8, 269),
    MODEL("gb300-278gb", gb300_278gb, 7, 8, 278),
    MODEL("a30-24gb", a30_24gb, 4, 4, 24),
    MODEL("rtx-pro-6000-96gb", rtx_pro_6000_96gb, 4, 4, 96),
    MODEL("rtx-pro-5000-48gb", rtx_pro_5000_48gb, 2, 2, 48),
    MODEL("rtx-pro-4500-32gb", rtx_pro_4500_32gb, 2, 2, 32),
    MODEL("thor", thor, 3, 3, 0),
};

const struct catalog_model *catalog_models(size_t *count)
{
	*count = sizeof models / sizeof models[0];
	return models;
}

const struct catalog_model *catalog_model(struct str name)
{
	for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
		if (str_eq(models[i].name, name))
			return &models[i];
	return NULL;
}

size_t catalog_mig_resource(struct str profile, char *out)
{
	struct str prefix = CATALOG_MIG_PREFIX;
	size_t len = prefix.len;
	memcpy(out, prefix.ptr, len);
	for (size_t i = 0; i < profile.len && len < CATALOG_MIG_NAME_MAX; i++)
		out[len++] = profile.ptr[i] == '+' ? '.' : profile.ptr[i];
	return len;
}

size_t catalog_mig_slice(struct str resource, char *out)
{
	struct str prefix = CATALOG_MIG_PREFIX, suffix = CATALOG_SHARED_SUFFIX;
	if (!str_starts(resource, prefix))
		return 0;
	struct str profile = str_tail(resource, prefix.len);
	size_t before = mig_profile_prefix(profile);
	bool shared = str_ends(profile, suffix);
	profile = str_tail(profile, before);
	if (shared)
		profile.len -= profile.len < suffix.len ? profile.len : suffix.len;
	if ((before == 0 && !shared) || profile.len == 0 || profile.len > CATALOG_MIG_NAME_MAX - prefix.len)
		return 0;
	memcpy(out, prefix.ptr, prefix.len);
	memcpy(out + prefix.len, profile.ptr, profile.len);
	return prefix.len + profile.len;
}

bool catalog_mig_weight(struct str resource, int64_t *numerator, int64_t *denominator)
{
	bool found = false;
	char slice[CATALOG_MIG_NAME_MAX];
	size_t slice_len = catalog_mig_slice(resource, slice);
	if (slice_len)
		resource = (struct str){slice, slice_len};
	for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
		const struct catalog_model *model = &models[m];
		for (size_t p = 0; p < model->profile_count; p++) {
			char name[CATALOG_MIG_NAME_MAX];
			size_t len = catalog_mig_resource(model->profiles[p].name, name);
			if (!str_eq(resource, (struct str){name, len}))
				continue;
			int64_t n = model->profiles[p].compute, d = model->compute_total;
			if (model->profiles[p].memory * d > n * model->memory_total) {
				n = model->profiles[p].memory;
				d = model->memory_total;
			}
			if (!found || n * *denominator > *numerator * d) {
				*numerator = n;
				*denominator = d;
			}
			found = true;
		}
	}
	return found;
}
