#include "webhook/init/quotas.h"

#include <inttypes.h>

#include "gpugate/known.h"
#include "gpugate/quantity.h"
#include "webhook/json/field.h"

#define REQUESTS STR("requests.")
#define LIMITS STR("limits.")
#define DEVICES_SUFFIX STR(".deviceclass.resource.k8s.io/devices")

struct limit {
	struct str name, namespace;
	struct pairs hard;
	struct strs scopes;
	bool selects; /* scopeSelector */
};

static const struct field meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct limit, name)},
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct limit, namespace)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape meta_shape = SHAPE(meta_fields, 0);

static const struct field spec_fields[] = {
    {FIELD_KEY("hard"), .read = field_quantities, .offset = offsetof(struct limit, hard)},
    {FIELD_KEY("scopes"), .read = field_strings, .offset = offsetof(struct limit, scopes.items),
     .count = offsetof(struct limit, scopes.count)},
    {FIELD_KEY("scopeSelector"), .read = field_skip, FIELD_FLAG(struct limit, selects)},
};
static const struct shape spec_shape = SHAPE(spec_fields, 0);

static const struct field quota_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
};
static const struct shape quota_shape = SHAPE(quota_fields, 0);

/*
 * Returns the resource that a key of a ResourceQuota limits. `enforced` says whether Kubernetes
 * does so: of extended resources it knows only `requests.`
 */
static struct str resource_of(struct str key, bool *enforced)
{
	*enforced = str_starts(key, REQUESTS);
	if (*enforced)
		return str_tail(key, REQUESTS.len);
	return str_starts(key, LIMITS) ? str_tail(key, LIMITS.len) : key;
}

static int note_limit(struct fleet *fleet, struct fleet_namespace *space, const struct limit *quota,
		      const struct pair *hard, struct error *err)
{
	int64_t value;
	bool enforced;
	struct str resource = resource_of(hard->key, &enforced);
	if (quantity_count(hard->value, &value) != QUANTITY_OK)
		return fleet_note(fleet, space, err,
				  "The limit of %.*s in ResourceQuota \"%.*s\" is no whole number, and is not used.",
				  STR_ARG(hard->key), STR_ARG(quota->name));
	if (quota->scopes.count || quota->selects)
		return fleet_note(fleet, space, err,
				  "ResourceQuota \"%.*s\" limits %.*s to %" PRId64
				  " for some of the Pods only (scopes), and is not used.",
				  STR_ARG(quota->name), STR_ARG(hard->key), value);
	struct fleet_use *use = fleet_use(fleet, space, resource, err);
	if (!use)
		return -1;
	/*
	 * All ResourceQuotas bind, so the lowest limit counts; one that is enforced before others.
	 */
	bool better =
	    use->limit < 0 || (use->unenforced && enforced) || (use->unenforced == !enforced && value < use->limit);
	if (!better)
		return 0;
	use->limit = value;
	use->unenforced = !enforced;
	use->limit_of = arena_str(&fleet->arena, quota->name);
	use->limit_key = arena_str(&fleet->arena, hard->key);
	return use->limit_of.ptr && use->limit_key.ptr ? 0 : fleet_no_memory(err);
}

/* Limits on claims of a DeviceClass: NAME.deviceclass.resource.k8s.io/devices. */
static bool limits_claims(struct str key)
{
	return str_ends(key, DEVICES_SUFFIX) && known_is_name((struct str){key.ptr, key.len - DEVICES_SUFFIX.len});
}

static int take_limits(struct fleet *fleet, const struct limit *quota, struct error *err)
{
	for (uint32_t i = 0; i < quota->hard.count; i++) {
		const struct pair *hard = &quota->hard.items[i];
		bool enforced, claims = limits_claims(hard->key);
		struct str resource = resource_of(hard->key, &enforced);
		if (!claims && (!known_is_key(resource) || !fleet_is_accelerator(fleet, resource)))
			continue;
		struct fleet_namespace *space = fleet_namespace(fleet, quota->namespace, err);
		if (!space)
			return -1;
		int result = claims ? fleet_note(fleet, space, err,
						 "ResourceQuota \"%.*s\" limits claims of devices (%.*s), which quotas "
						 "of gpugate count if an Accelerator lists the class.",
						 STR_ARG(quota->name), STR_ARG(hard->key))
				    : note_limit(fleet, space, quota, hard, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

int quotas_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err)
{
	struct reader reader;
	struct limit quota = {0};
	reader_init(&reader, json.ptr, json.len, scratch);
	if (reader_object(&reader, &quota_shape, &quota) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	fleet->quotas++;
	if (!known_is_namespace(quota.namespace) || !known_is_name(quota.name)) {
		fleet->skipped++;
		return 0;
	}
	return take_limits(fleet, &quota, err);
}

/* --- LimitRange --- */

struct range_item {
	struct str type;
	struct pairs max, defaults;
};

struct range {
	struct limit meta; /* Its name and namespace. */
	const struct range_item *items;
	uint32_t item_count;
};

static const struct field item_fields[] = {
    {FIELD_KEY("type"), .read = field_string, .offset = offsetof(struct range_item, type)},
    {FIELD_KEY("max"), .read = field_quantities, .offset = offsetof(struct range_item, max)},
    {FIELD_KEY("default"), .read = field_quantities, .offset = offsetof(struct range_item, defaults)},
};
static const struct shape item_shape = SHAPE(item_fields, sizeof(struct range_item));

static const struct field range_spec_fields[] = {
    {FIELD_KEY("limits"), .read = field_list, .shape = &item_shape, .offset = offsetof(struct range, items),
     .count = offsetof(struct range, item_count)},
};
static const struct shape range_spec_shape = SHAPE(range_spec_fields, 0);

static const struct field range_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &range_spec_shape},
};
static const struct shape range_shape = SHAPE(range_fields, 0);

static int note_range(struct fleet *fleet, const struct range *range, const struct pairs *map, const char *what,
		      struct error *err)
{
	for (uint32_t i = 0; i < map->count; i++) {
		int64_t value;
		const struct pair *entry = &map->items[i];
		if (!known_is_key(entry->key) || !fleet_is_accelerator(fleet, entry->key) ||
		    quantity_count(entry->value, &value) != QUANTITY_OK)
			continue;
		struct fleet_namespace *space = fleet_namespace(fleet, range->meta.namespace, err);
		if (!space ||
		    fleet_note(fleet, space, err, "LimitRange \"%.*s\" %s %" PRId64 " of %.*s; it goes on to apply.",
			       STR_ARG(range->meta.name), what, value, STR_ARG(entry->key)) < 0)
			return -1;
	}
	return 0;
}

int quotas_read_range(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err)
{
	struct reader reader;
	struct range range = {0};
	reader_init(&reader, json.ptr, json.len, scratch);
	if (reader_object(&reader, &range_shape, &range) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	fleet->ranges++;
	if (!known_is_namespace(range.meta.namespace) || !known_is_name(range.meta.name)) {
		fleet->skipped++;
		return 0;
	}
	for (uint32_t i = 0; i < range.item_count; i++) {
		const struct range_item *item = &range.items[i];
		bool pods = str_eq(item->type, STR("Pod"));
		if (note_range(fleet, &range, &item->max,
			       pods ? "lets a Pod have at most" : "lets a container have at most", err) < 0 ||
		    note_range(fleet, &range, &item->defaults, "gives containers a default of", err) < 0)
			return -1;
	}
	return 0;
}
