#include "webhook/init/accelerators.h"

#include <stdio.h>

#include "gpugate/known.h"
#include "webhook/init/config_names.h"
#include "webhook/init/configs.h"
#include "webhook/init/names.h"

/* --- Merging --- */

static bool same_labels(const struct fleet_group *a, const struct fleet_group *b)
{
	if (!str_eq(a->resource, b->resource) || a->label_count != b->label_count)
		return false;
	for (uint32_t i = 0; i < a->label_count; i++)
		if (!str_eq(a->labels[i].key, b->labels[i].key) || !str_eq(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

static bool is_kept_name(const struct fleet_group *group)
{
	return str_present(group->share) && str_eq(group->share, group->resource);
}

/* Whether one Accelerator can say how the devices of both are cut and shared. */
static bool agree(const struct fleet_group *a, const struct fleet_group *b)
{
	bool both = str_present(a->share) && str_present(b->share);
	return str_eq(a->single, b->single) && is_kept_name(a) == is_kept_name(b) &&
	       (!both || (str_eq(a->share, b->share) && a->replicas == b->replicas));
}

static void merge_choice(struct fleet_choice *into, const struct fleet_choice *from)
{
	into->differs |= from->differs || !str_eq(into->value, from->value);
}

static void merge(struct fleet_group *into, struct fleet_group *from)
{
	into->nodes += from->nodes;
	into->devices = from->devices > INT64_MAX - into->devices ? INT64_MAX : into->devices + from->devices;
	into->mib = from->mib > into->mib ? from->mib : into->mib;
	into->mixed |= from->mixed || !agree(into, from);
	if (!str_present(into->share)) {
		into->share = from->share;
		into->replicas = from->replicas;
	}
	for (uint32_t i = 0; i < from->slice_count; i++) {
		uint32_t at = 0;
		while (at < into->slice_count && !str_eq(into->slices[at], from->slices[i]))
			at++;
		if (at == into->slice_count && at < FLEET_SLICES_MAX)
			into->slices[into->slice_count++] = from->slices[i];
	}
	into->whole |= from->whole;
	merge_choice(&into->plugin_key, &from->plugin_key);
	merge_choice(&into->layout_key, &from->layout_key);
	from->gone = true;
}

/*
 * Nodes that differ in their soft label only become one group if they agree. Otherwise the soft
 * label tells them apart.
 */
static void settle_soft_labels(struct fleet *fleet, uint32_t first)
{
	struct fleet_group *group = fleet->groups[first];
	bool all = true;
	for (uint32_t i = first + 1; i < fleet->group_count; i++)
		for (uint32_t j = first; j < i && same_labels(group, fleet->groups[i]); j++)
			if (same_labels(group, fleet->groups[j]))
				all &= agree(fleet->groups[i], fleet->groups[j]);
	for (uint32_t i = fleet->group_count; i-- > first;) {
		struct fleet_group *other = fleet->groups[i];
		if (other->gone || !same_labels(group, other))
			continue;
		if (all && other != group)
			merge(group, other);
		else if (!all && str_present(other->soft.key) && other->label_count < FLEET_LABELS_MAX)
			other->labels[other->label_count++] = other->soft;
	}
	if (all)
		group->soft = (struct pair){{NULL, 0}, {NULL, 0}};
}

/* --- Telling models apart --- */

static const struct pair *label_of(const struct fleet_group *group, struct str key)
{
	for (uint32_t i = 0; i < group->label_count; i++)
		if (str_eq(group->labels[i].key, key))
			return &group->labels[i];
	return NULL;
}

static void exclude(struct fleet_group *group, struct str key)
{
	for (uint32_t i = 0; i < group->without_count; i++)
		if (str_eq(group->without[i], key))
			return;
	if (group->without_count < sizeof group->without / sizeof group->without[0])
		group->without[group->without_count++] = key;
}

/*
 * Labels of the other group that no node of this one has tell the two apart. A node may have a
 * label that comes after the one that names its model, so only those before it are surely absent.
 */
static void tell_apart(struct fleet_group *group, const struct fleet_group *other)
{
	if (other->label_count == 0 || !str_eq(group->resource, other->resource))
		return;
	if (group->label_count == 0 || !str_eq(group->labels[0].key, other->labels[0].key)) {
		if (other->rank < group->rank)
			exclude(group, other->labels[0].key);
		return;
	}
	for (uint32_t i = 0; i < other->label_count; i++) {
		const struct pair *own = label_of(group, other->labels[i].key);
		if (own && !str_eq(own->value, other->labels[i].value))
			return;
	}
	for (uint32_t i = 0; i < other->label_count; i++)
		if (!label_of(group, other->labels[i].key))
			exclude(group, other->labels[i].key);
}

/* --- Names --- */

static void set_model(struct fleet_group *group)
{
	uint32_t count = str_present(group->single) ? 1 : group->slice_count;
	const struct str *slices = str_present(group->single) ? &group->single : group->slices;
	if (count && str_present(group->product))
		group->model = known_mig_model(group->product, group->mib, slices, count);
}

static bool is_taken(const struct fleet *fleet, const struct fleet_group *group, struct str name)
{
	if (known_is_mig_model(name))
		return true;
	for (uint32_t i = 0; i < fleet->group_count; i++)
		if (fleet->groups[i] != group && !fleet->groups[i]->gone && str_eq(fleet->groups[i]->name, name))
			return true;
	return false;
}

static int set_name(struct fleet *fleet, struct fleet_group *group, struct error *err)
{
	char name[NAMES_BYTES_MAX + 32];
	size_t len = 0;
	struct str from = group->label_count ? group->labels[0].value : group->product;
	names_add(name, &len, str_present(from) ? from : group->resource);
	/* Labels beyond the product, and resources beside the usual one. */
	for (uint32_t i = 1; i < group->label_count && len < NAMES_BYTES_MAX / 2; i++) {
		name[len++] = '-';
		names_add(name, &len, group->labels[i].value);
	}
	if (!str_eq(names_short(group->resource), STR("gpu")) && str_present(from) && len < NAMES_BYTES_MAX / 2) {
		name[len++] = '-';
		names_add(name, &len, names_short(group->resource));
	}
	if (len == 0)
		len = (size_t)snprintf(name, sizeof name, "accelerator");
	size_t base = len;
	for (unsigned number = 2; is_taken(fleet, group, (struct str){name, len}); number++)
		len = base + (size_t)snprintf(name + base, sizeof name - base, "-%u", number);
	group->name = arena_str(&fleet->arena, (struct str){name, len});
	return group->name.ptr ? 0 : fleet_no_memory(err);
}

int accelerators_derive(struct fleet *fleet, struct error *err)
{
	for (uint32_t i = 0; i < fleet->group_count; i++)
		if (!fleet->groups[i]->gone && str_present(fleet->groups[i]->soft.key) &&
		    !label_of(fleet->groups[i], fleet->groups[i]->soft.key))
			settle_soft_labels(fleet, i);
	/* What two nodes with the same labels say differently cannot be told apart. */
	for (uint32_t i = 0; i < fleet->group_count; i++)
		for (uint32_t j = i + 1; j < fleet->group_count && !fleet->groups[i]->gone; j++)
			if (!fleet->groups[j]->gone && same_labels(fleet->groups[i], fleet->groups[j]))
				merge(fleet->groups[i], fleet->groups[j]);
	if (configs_apply(fleet, err) < 0)
		return -1;
	for (uint32_t i = 0; i < fleet->group_count; i++) {
		struct fleet_group *group = fleet->groups[i];
		for (uint32_t j = 0; j < fleet->group_count && !group->gone; j++)
			if (j != i && !fleet->groups[j]->gone)
				tell_apart(group, fleet->groups[j]);
		if (group->gone)
			continue;
		set_model(group);
		if (set_name(fleet, group, err) < 0 ||
		    config_names_choose(fleet, group, accelerators_write_group, err) < 0)
			return -1;
	}
	return 0;
}
