/*
 * unknown: applies Settings.unknownResources to requests that neither the policy nor the catalog
 * knows, so that no quota counts them.
 */
#include "policy/evaluate/unknown.h"

#include <stdio.h>

#include "gpugate/consumer.h"
#include "gpugate/pairs.h"
#include "gpugate/suggest.h"
#include "policy/base/show.h"
#include "policy/evaluate/violation.h"

/* In bytes. Shorter vendor names that differ by one letter are often both correct. */
#define VENDOR_TYPO_MIN 9

#define NAMES_MAX 16 /* Different names. This bounds the cost of a Pod. */

struct unknown {
	struct str names[NAMES_MAX];
	uint32_t count;
};

static bool is_new(const struct unknown *unknown, struct str name)
{
	for (uint32_t i = 0; i < unknown->count; i++)
		if (str_eq(unknown->names[i], name))
			return false;
	return true;
}

static void collect(const struct policy *policy, const struct pairs *map, struct unknown *unknown)
{
	for (uint32_t i = 0; i < map->count && unknown->count < NAMES_MAX; i++) {
		const struct pair *pair = &map->items[i];
		int64_t value;
		if (!resource_is_extended(pair->key) || snapshot_role(policy, pair->key) != ROLE_UNKNOWN)
			continue;
		bool none = quantity_count(pair->value, &value) == QUANTITY_OK && value == 0;
		if (!none && is_new(unknown, pair->key))
			unknown->names[unknown->count++] = pair->key;
	}
}

/*
 * Whether one text becomes the other if one letter is added, removed or replaced, or two adjacent
 * letters are swapped.
 */
static bool is_one_slip(struct str a, struct str b)
{
	size_t head = 0, tail = 0, shorter = a.len < b.len ? a.len : b.len, longer = a.len + b.len - shorter;
	while (head < shorter && a.ptr[head] == b.ptr[head])
		head++;
	while (tail < shorter - head && a.ptr[a.len - 1 - tail] == b.ptr[b.len - 1 - tail])
		tail++;
	size_t left = longer - head - tail;
	bool swapped = a.len == b.len && left == 2 && a.ptr[head] == b.ptr[head + 1] && a.ptr[head + 1] == b.ptr[head];
	return longer - shorter <= 1 && (left <= 1 || swapped);
}

/*
 * Maximum compared pairs of bytes per Pod. That is enough for hundreds of names and bounds the cost
 * for larger policies.
 */
#define SUGGEST_WORK 1000000

/*
 * Returns the known name that was probably meant, or an absent string. It is from the same vendor,
 * or from one whose name is one typo away: a device of another vendor is not meant, however similar
 * its name is.
 */
static struct str suggest(const struct policy *policy, struct str wrong)
{
	struct str best = {NULL, 0}, vendor = catalog_vendor(wrong);
	uint64_t work = SUGGEST_WORK;
	for (uint32_t i = 0; i < policy->known_name_count; i++) {
		struct str known = policy->known_names[i], other = catalog_vendor(known);
		bool meant = str_eq(vendor, other) || (vendor.len >= VENDOR_TYPO_MIN && is_one_slip(vendor, other));
		struct str pair[2] = {known, best};
		if (meant && str_present(suggest_word_within(wrong, &known, 1, sizeof known, &work)))
			best = str_present(best) ? suggest_word(wrong, pair, 2, sizeof pair[0]) : known;
	}
	return best;
}

static int object(struct evaluation *e, const struct unknown *unknown, enum enforcement enforcement)
{
	const struct policy *policy = e->policy;
	struct str near = suggest(policy, unknown->names[0]);
	bool several = unknown->count > 1;
	char more[64] = "";
	if (several)
		snprintf(more, sizeof more, " and %s%u more that the Pod requests",
			 unknown->count == NAMES_MAX ? "at least " : "", unknown->count - 1);
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_UNKNOWN_RESOURCE, enforcement, STR(""), unknown->names[0],
	    "resource \"" SHOW "\"%s %s known neither to the GPU policy nor to the built-in catalog, so no "
	    "quota counts %s; correct the name%s%s" SHOW "%s, or ask the platform team to add an "
	    "Accelerator or to list %s in Settings.otherResources",
	    SHOWN(unknown->names[0]), more, several ? "are" : "is", several ? "them" : "it", several ? "s" : "",
	    str_present(near) ? " (did you mean \"" : "", SHOWN(near), str_present(near) ? "\"?)" : "",
	    several ? "them" : "it");
}

int unknown_check(struct evaluation *e)
{
	const struct policy *policy = e->policy;
	struct unknown unknown = {.count = 0};
	enum enforcement enforcement =
	    policy->unknown_resources > policy->enforcement ? policy->unknown_resources : policy->enforcement;
	if (e->tenant != NO_TENANT && policy->tenants[e->tenant].enforcement > enforcement)
		enforcement = policy->tenants[e->tenant].enforcement;
	if (enforcement == ENFORCEMENT_ALLOW || e->decision->mirror)
		return 0;
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		collect(policy, &e->pod->containers[i].requests, &unknown);
		collect(policy, &e->pod->containers[i].limits, &unknown);
	}
	collect(policy, &e->pod->overhead, &unknown);
	return unknown.count ? object(e, &unknown, enforcement) : 0;
}
