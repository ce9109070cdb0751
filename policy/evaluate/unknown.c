/*
 * unknown: applies Settings.unknownResources to requests that neither the policy nor the catalog
 * knows, so that no quota counts them; and to those for device classes of no Accelerator, which
 * count as whole devices, because nothing says what they are. A name that a DeviceClass of the
 * cluster may have is an outage while not all of these are known.
 */
#include "policy/evaluate/unknown.h"

#include <stdio.h>

#include "gpugate/consumer.h"
#include "gpugate/pairs.h"
#include "gpugate/suggest.h"
#include "policy/base/show.h"
#include "policy/evaluate/violation.h"
#include "policy/model/class_part.h"

/* In bytes. Shorter vendor names that differ by one letter are often both correct. */
#define VENDOR_TYPO_MIN 9

#define NAMES_MAX 16 /* Different names. This bounds the cost of a Pod. */

#define CLASS_PREFIX "deviceclass.resource.kubernetes.io/" /* CATALOG_CLASS_PREFIX, for a format. */
#define UNDECIDED_MAX 600

struct unknown {
	struct str names[NAMES_MAX];
	uint32_t count;
};

/* What the Pod requests, by what is not known of it. */
struct requested {
	struct unknown names;     /* Neither the policy nor the catalog has them. */
	struct unknown classes;   /* No Accelerator lists them. */
	struct unknown undecided; /* snapshot_is_undecided. */
};

static bool is_new(const struct unknown *unknown, struct str name)
{
	for (uint32_t i = 0; i < unknown->count; i++)
		if (str_eq(unknown->names[i], name))
			return false;
	return true;
}

static void note(struct unknown *unknown, struct str name)
{
	if (unknown->count < NAMES_MAX && is_new(unknown, name))
		unknown->names[unknown->count++] = name;
}

/* The built-in catalog knows that a device class is something, but not what. */
static bool is_unlisted_class(const struct policy *policy, struct str name)
{
	bool class = str_starts(name, CATALOG_CLASS_PREFIX) || str_present(snapshot_class(policy, name));
	return class && !snapshot_resource(policy, name) && snapshot_is_accelerator(policy, name);
}

/* Returns where to note the name, beside `undecided`; NULL: nowhere. */
static struct unknown *find_kind(const struct policy *policy, struct str name, struct requested *requested)
{
	if (is_unlisted_class(policy, name))
		return &requested->classes;
	return resource_is_extended(name) && snapshot_role(policy, name) == ROLE_UNKNOWN ? &requested->names : NULL;
}

static void collect(const struct policy *policy, const struct pairs *map, struct requested *requested)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct pair *pair = &map->items[i];
		struct unknown *kind = find_kind(policy, pair->key, requested);
		bool undecided = resource_is_extended(pair->key) && snapshot_is_undecided(policy, pair->key);
		int64_t value;
		if ((!kind && !undecided) || (quantity_count(pair->value, &value) == QUANTITY_OK && value == 0))
			continue;
		if (kind)
			note(kind, pair->key);
		if (undecided)
			note(&requested->undecided, pair->key);
	}
}

static void collect_all(const struct evaluation *e, struct requested *requested)
{
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		collect(e->policy, &e->pod->containers[i].requests, requested);
		collect(e->policy, &e->pod->containers[i].limits, requested);
	}
	collect(e->policy, &e->pod->overhead, requested);
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

/* Returns the name of a device class: without what all such resources begin with. */
static struct str without_prefix(struct str resource)
{
	return str_tail(resource, CATALOG_CLASS_PREFIX.len);
}

/* Returns the name of the class of which devices are requested under this name. */
static struct str class_of(const struct policy *policy, struct str resource)
{
	struct str class = snapshot_class(policy, resource);
	return without_prefix(str_present(class) ? class : resource);
}

/* Does the same for the name of a device class. */
static struct str suggest_class(const struct policy *policy, struct str wrong)
{
	struct str best = {NULL, 0};
	uint64_t work = SUGGEST_WORK;
	for (uint32_t i = 0; i < policy->known_name_count; i++) {
		if (!str_starts(policy->known_names[i], CATALOG_CLASS_PREFIX))
			continue;
		struct str known = without_prefix(policy->known_names[i]), pair[2] = {known, best};
		if (str_present(suggest_word_within(wrong, &known, 1, sizeof known, &work)))
			best = str_present(best) ? suggest_word(wrong, pair, 2, sizeof pair[0]) : known;
	}
	return best;
}

/* Writes how many names there are beside the first one. */
static void print_more(const struct evaluation *e, const struct unknown *unknown, char more[64])
{
	more[0] = '\0';
	if (unknown->count > 1)
		snprintf(more, 64, " and %s%u more that the %s requests",
			 unknown->count == NAMES_MAX ? "at least " : "", unknown->count - 1,
			 e->review->claim.present ? "claim" : "Pod");
}

static int object(struct evaluation *e, const struct unknown *unknown, enum enforcement enforcement)
{
	const struct policy *policy = e->policy;
	if (unknown->count == 0)
		return 0;
	struct str near = suggest(policy, unknown->names[0]);
	bool several = unknown->count > 1;
	char more[64];
	print_more(e, unknown, more);
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_UNKNOWN_RESOURCE, enforcement, STR(""), unknown->names[0],
	    "resource \"" SHOW "\"%s %s known neither to the GPU policy nor to the built-in catalog, so no "
	    "quota counts %s; correct the name%s%s" SHOW "%s, or ask the platform team to add an "
	    "Accelerator or to list %s in Settings.otherResources",
	    SHOWN(unknown->names[0]), more, several ? "are" : "is", several ? "them" : "it", several ? "s" : "",
	    str_present(near) ? " (did you mean \"" : "", SHOWN(near), str_present(near) ? "\"?)" : "",
	    several ? "them" : "it");
}

static int object_classes(struct evaluation *e, const struct unknown *classes, enum enforcement enforcement)
{
	if (classes->count == 0)
		return 0;
	struct str name = classes->names[0], class = class_of(e->policy, name), near = suggest_class(e->policy, class);
	bool several = classes->count > 1, aliased = !str_starts(name, CATALOG_CLASS_PREFIX);
	char more[64], alias[SHOWN_MAX + 64] = "";
	print_more(e, classes, more);
	if (aliased)
		snprintf(alias, sizeof alias, " (extendedResourceName " SHOW ")", SHOWN(name));
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_UNKNOWN_RESOURCE, enforcement, STR(""), aliased ? name : class,
	    "no Accelerator of the GPU policy has the device class%s \"" SHOW "\"%s%s, so a device of %s counts as a "
	    "whole one; correct the name%s%s" SHOW "%s, or ask the platform team to add %s to an Accelerator, or to "
	    "list \"" CLASS_PREFIX SHOW "\" in Settings.otherResources",
	    several ? "es" : "", SHOWN(class), alias, more, several ? "them" : "it", several ? "s" : "",
	    str_present(near) ? " (did you mean \"" : "", SHOWN(near), str_present(near) ? "\"?)" : "",
	    several ? "them" : "it", SHOWN(class));
}

/*
 * One of these names may be that of a DeviceClass which is not known yet. Whether quotas count it
 * cannot be decided then, as if the ledger could not be asked.
 */
static int object_undecided(struct evaluation *e, const struct unknown *undecided)
{
	char why[UNDECIDED_MAX];
	if (undecided->count == 0)
		return 0;
	snprintf(why, sizeof why,
		 "whether \"" SHOW "\" is the extendedResourceName of a DeviceClass is not known, since %s",
		 SHOWN(undecided->names[0]), e->policy->class_map.gap);
	e->decision->undecided = true;
	return policy_add_outage_violation(e->policy, str_of(why), e->arena, e->decision);
}

/* Returns what is done about unknown names; the least strict of those that apply. */
static enum enforcement find_enforcement(const struct evaluation *e)
{
	const struct policy *policy = e->policy;
	enum enforcement enforcement =
	    policy->unknown_resources > policy->enforcement ? policy->unknown_resources : policy->enforcement;
	if (e->tenant != NO_TENANT && policy->tenants[e->tenant].enforcement > enforcement)
		enforcement = policy->tenants[e->tenant].enforcement;
	return enforcement;
}

int unknown_check(struct evaluation *e)
{
	struct requested requested = {.names.count = 0};
	enum enforcement enforcement = find_enforcement(e);
	if (e->decision->mirror || (enforcement == ENFORCEMENT_ALLOW && !e->policy->class_map.gap))
		return 0;
	collect_all(e, &requested);
	if (object_undecided(e, &requested.undecided) < 0)
		return -1;
	if (enforcement == ENFORCEMENT_ALLOW)
		return 0;
	/* They may be known after all, so it may help to try again. */
	if (e->decision->undecided && e->decision->denied)
		requested.names.count = 0;
	return object(e, &requested.names, enforcement) < 0 ? -1 : object_classes(e, &requested.classes, enforcement);
}

int unknown_check_claim(struct evaluation *e, const struct resource_request *requests, uint32_t count)
{
	struct unknown classes = {.count = 0};
	enum enforcement enforcement = find_enforcement(e);
	for (uint32_t i = 0; i < count; i++)
		if (is_unlisted_class(e->policy, requests[i].resource))
			note(&classes, class_part_whole(requests[i].resource));
	return enforcement == ENFORCEMENT_ALLOW ? 0 : object_classes(e, &classes, enforcement);
}
