#include "webhook/init/configs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gpugate/known.h"
#include "gpugate/plain.h"
#include "webhook/init/choices.h"
#include "webhook/init/config_names.h"
#include "webhook/init/installers.h"
#include "webhook/init/text.h"
#include "webhook/json/field.h"

#define PLACE_BYTES_MAX 600

/* --- Reading --- */

struct config_map {
	struct str name, namespace;
	struct pairs data;
};

static const struct field meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct config_map, name)},
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct config_map, namespace)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape meta_shape = SHAPE(meta_fields, 0);

static const struct field map_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("data"), .read = field_pairs, .offset = offsetof(struct config_map, data)},
};
static const struct shape map_shape = SHAPE(map_fields, 0);

/* Copies a text that a comment may show. */
static struct str copy_plain(struct fleet *fleet, const char *text)
{
	struct str from = str_of(text);
	char *copy = arena_alloc(&fleet->arena, from.len * PLAIN_GROWTH + 1);
	return copy ? (struct str){copy, plain_copy(from, false, copy)} : (struct str){NULL, 0};
}

/* Keeps the name of a text that may be a configuration and is not read. */
static int note_large(struct fleet *fleet, const char *place, struct error *err)
{
	if (fleet->large_count++ >= FLEET_LARGE_MAX)
		return 0;
	struct str *copy = &fleet->large[fleet->large_count - 1];
	*copy = copy_plain(fleet, place);
	return copy->ptr ? 0 : fleet_no_memory(err);
}

/* Keeps the configuration in a text, if it is one. Returns -1 with an error if it is not valid. */
static int take(struct fleet *fleet, struct fleet_config *config, const char *place, struct str text, struct error *err)
{
	config->file = fleet->reading;
	if (nvidia_config_read(text, &fleet->arena, &config->config, err) < 0)
		return -1;
	if (config->config.too_large)
		return note_large(fleet, place, err);
	if (config->config.kind == NVIDIA_CONFIG_OTHER)
		return 0;
	if (fleet->config_count == FLEET_CONFIGS_MAX) {
		fleet->configs_left = true;
		return 0;
	}
	config->place = copy_plain(fleet, place);
	config->key = arena_str(&fleet->arena, config->key);
	if (!config->place.ptr || !config->key.ptr)
		return fleet_no_memory(err);
	fleet->configs[fleet->config_count++] = *config;
	return 0;
}

int configs_begin_file(struct fleet *fleet, struct str path, struct str text, struct error *err)
{
	fleet->reading = NULL;
	if (!str_present(path) || fleet->file_count == FLEET_CONFIGS_MAX)
		return 0;
	struct fleet_file *file = &fleet->files[fleet->file_count];
	*file = (struct fleet_file){arena_str(&fleet->arena, path), arena_str(&fleet->arena, text)};
	if (!file->path.ptr || !file->text.ptr)
		return fleet_no_memory(err);
	fleet->file_count++;
	fleet->reading = file;
	return 0;
}

int configs_take(struct fleet *fleet, const char *file, struct str text, struct error *err)
{
	struct fleet_config config = {.key = {"", 0}, .alone = true};
	if (fleet->configs_left || take(fleet, &config, file, text, err) == 0)
		return 0;
	if (config.config.wrong_line) {
		size_t len = strlen(err->text);
		snprintf(err->text + len, sizeof err->text - len, " (byte %zu)", config.config.wrong_byte);
	}
	return -1;
}

/* What is not valid in a cluster is left out. */
static int take_value(struct fleet *fleet, const struct config_map *map, const struct pair *value, struct error *err)
{
	char place[PLACE_BYTES_MAX], wrong[PLACE_BYTES_MAX + 400];
	struct fleet_config config = {.key = value->key, .alone = map->data.count == 1};
	struct error found = {0};
	snprintf(place, sizeof place, "ConfigMap %.*s/%.*s, key %.*s", STR_ARG(map->namespace), STR_ARG(map->name),
		 STR_ARG(value->key));
	if (fleet->configs_left || take(fleet, &config, place, value->value, &found) == 0)
		return config.config.kind == NVIDIA_CONFIG_OTHER ? 0 : installers_note(fleet, map->namespace, err);
	if (fleet->arena.exhausted)
		return fleet_no_memory(err);
	if (fleet->wrong_count == FLEET_CONFIGS_MAX) {
		fleet->configs_left = true;
		return 0;
	}
	if (fleet->wrong_count++ == 0) {
		char line[24] = "";
		if (config.config.wrong_line)
			snprintf(line, sizeof line, ", line %u", config.config.wrong_line);
		snprintf(wrong, sizeof wrong, "%s%s: %.370s", place, line, found.text);
		text_trim(wrong);
		fleet->wrong = copy_plain(fleet, wrong);
	}
	return 0;
}

int configs_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err)
{
	struct reader reader;
	struct config_map map = {0};
	reader_init(&reader, json.ptr, json.len, scratch);
	if (reader_object(&reader, &map_shape, &map) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	if (map.namespace.len == 0)
		map.namespace = STR("default");
	if (!known_is_name(map.name) || !known_is_namespace(map.namespace))
		return 0;
	for (uint32_t i = 0; i < map.data.count; i++)
		if (known_is_label_value(map.data.items[i].key) &&
		    (choices_add_key(fleet, map.data.items[i].key, err) < 0 ||
		     take_value(fleet, &map, &map.data.items[i], err) < 0))
			return -1;
	return 0;
}

/* --- Sharing --- */

/*
 * Returns the configuration of the device plugin that nodes have: the only one with that key. If
 * there is none, the only one that was read, unless it is one of several in its ConfigMap.
 */
static const struct fleet_config *plugin_of(const struct fleet *fleet, struct str key, bool *named)
{
	const struct fleet_config *other = NULL, *same = NULL;
	uint32_t others = 0, sames = 0;
	for (uint32_t i = 0; i < fleet->config_count; i++) {
		const struct fleet_config *config = &fleet->configs[i];
		if (config->config.kind != NVIDIA_CONFIG_DEVICE_PLUGIN)
			continue;
		other = config;
		others++;
		if (key.len && str_eq(config->key, key)) {
			same = config;
			sames++;
		}
	}
	*named = sames == 1;
	if (sames)
		return sames == 1 ? same : NULL;
	return others == 1 && other->alone && (key.len == 0 || other->key.len == 0) ? other : NULL;
}

static bool is_among(const struct str *names, uint32_t count, struct str name)
{
	for (uint32_t i = 0; i < count; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static bool has_slice(const struct fleet_group *group, struct str name)
{
	return is_among(group->slices, group->slice_count, name);
}

/* Returns how the group is shared; the whole device comes before a slice. */
static const struct nvidia_share *share_of(const struct fleet_group *group, const struct nvidia_config *config)
{
	const struct nvidia_share *slice = NULL;
	for (uint32_t i = 0; i < config->share_count; i++) {
		const struct nvidia_share *share = &config->shares[i];
		if (str_present(group->share) && !str_eq(share->share, group->share))
			continue;
		if (str_eq(share->resource, group->resource))
			return share;
		if (!slice && has_slice(group, share->resource))
			slice = share;
	}
	return slice;
}

/* What the nodes say themselves comes first: the device plugin may have another configuration. */
static void apply_plugin(const struct fleet *fleet, struct fleet_group *group)
{
	bool named;
	const struct fleet_config *config = plugin_of(fleet, group->plugin_key.value, &named);
	const struct nvidia_share *share =
	    config && !group->plugin_key.differs ? share_of(group, &config->config) : NULL;
	bool known = str_present(group->share);
	if (!share || group->mixed || (!known && group->whole) ||
	    (known && group->replicas && group->replicas != share->replicas))
		return;
	group->plugin = config;
	group->plugin_named = named;
	group->plugin_agrees = known && group->replicas > 0;
	group->share = share->share;
	group->replicas = share->replicas;
}

/* --- Slices --- */

/* Returns the resource of a MIG profile, new in the arena. */
static struct str resource_of(struct arena *arena, struct str profile)
{
	char name[96];
	int len =
	    snprintf(name, sizeof name, "nvidia.com/mig-%.*s", (int)(profile.len < 63 ? profile.len : 63), profile.ptr);
	for (char *plus = name; (plus = strchr(plus, '+'));)
		*plus = '.';
	return arena_str(arena, (struct str){name, (size_t)len});
}

struct chosen {
	const struct fleet_config *config;
	const struct nvidia_layout *layout;
	uint32_t count;
};

/* Finds the layout of a name, or without one the only layout that cuts anything. */
static struct chosen choose(const struct fleet *fleet, struct str name)
{
	struct chosen chosen = {NULL, NULL, 0};
	for (uint32_t i = 0; i < fleet->config_count; i++)
		for (uint32_t k = 0; k < fleet->configs[i].config.layout_count; k++) {
			const struct nvidia_layout *layout = &fleet->configs[i].config.layouts[k];
			if (layout->profile_count == 0 || (name.len && !str_eq(layout->name, name)))
				continue;
			chosen = (struct chosen){&fleet->configs[i], layout, chosen.count + 1};
		}
	return chosen;
}

/* Returns the model that the group has; of a layout for several models, its own profiles count. */
static struct str model_of(const struct fleet_group *group, const struct str *names, uint32_t count)
{
	struct str model = {NULL, 0};
	if (group->slice_count)
		return known_mig_model(group->product, group->mib, group->slices, group->slice_count);
	for (uint32_t i = 0; i < count && !str_present(model); i++)
		model = known_mig_model(group->product, group->mib, &names[i], 1);
	return model;
}

static int apply_layout(struct fleet *fleet, struct fleet_group *group, const struct chosen *chosen, struct error *err)
{
	uint32_t count = chosen->layout->profile_count;
	struct str *names = arena_zalloc(&fleet->arena, count, sizeof *names);
	if (!names)
		return fleet_no_memory(err);
	for (uint32_t i = 0; i < count; i++)
		names[i] = resource_of(&fleet->arena, chosen->layout->profiles[i]);
	if (fleet->arena.exhausted)
		return fleet_no_memory(err);
	struct str model = model_of(group, names, count);
	for (uint32_t i = 0; i < count && str_present(model); i++) {
		if (!str_present(known_mig_profile(model, names[i])))
			continue;
		if (!has_slice(group, names[i]) && group->slice_count < FLEET_SLICES_MAX)
			group->slices[group->slice_count++] = names[i];
		group->parted = chosen->config;
		group->layout = chosen->layout->name;
	}
	group->layout_whole = group->parted != NULL;
	for (uint32_t i = 0; i < group->slice_count; i++)
		group->layout_whole &= is_among(names, count, group->slices[i]);
	return 0;
}

int configs_apply(struct fleet *fleet, struct error *err)
{
	for (uint32_t i = 0; i < fleet->group_count; i++) {
		struct fleet_group *group = fleet->groups[i];
		if (group->gone || group->from_slices || !str_eq(group->resource, STR("nvidia.com/gpu")))
			continue;
		struct chosen chosen = choose(fleet, group->layout_key.value);
		choices_find_open(fleet, group);
		group->layout_named = group->layout_key.value.len > 0;
		if (!str_present(group->single) && str_present(group->product) && !group->layout_key.differs &&
		    chosen.count == 1 && apply_layout(fleet, group, &chosen, err) < 0)
			return -1;
		apply_plugin(fleet, group);
	}
	return 0;
}

/* --- Comments --- */

void configs_write_sharing(const struct fleet_group *group, struct buf *out)
{
	struct str place = group->plugin->place;
	if (group->plugin_agrees)
		text_comment(out, 2,
			     "From the labels of the nodes, with which the configuration of the device plugin "
			     "agrees (%.*s).",
			     STR_ARG(place));
	else if (group->plugin_named)
		text_comment(out, 2,
			     "From the configuration of the device plugin (%.*s) that the label " PLUGIN_LABEL
			     " of the nodes names.",
			     STR_ARG(place));
	else
		text_comment(out, 2,
			     "A guess: from the only configuration of the device plugin that was read (%.*s). "
			     "Nothing on the nodes says that they have it.",
			     STR_ARG(place));
	text_comment(out, 2,
		     group->plugin->config.only_one
			 ? "The device plugin refuses a container with several shares, so that its Pod fails on the "
			   "node. sharedRequestAboveOne in guards.yaml refuses it before."
			 : "The device plugin gives a container several shares, of which two can be of one device. "
			   "sharedRequestAboveOne in guards.yaml allows one; maxPerContainer says how many it allows.");
}

void configs_write_slices(const struct fleet_group *group, struct buf *out)
{
	if (group->layout_named)
		text_comment(
		    out, 4,
		    "What nodes advertise now, and the layout %.*s of mig-parted (%.*s), which the label " LAYOUT_LABEL
		    " of the nodes names.",
		    STR_ARG(group->layout), STR_ARG(group->parted->place));
	else
		text_comment(out, 4,
			     "A guess: what nodes advertise now, and the only layout of mig-parted that was read, "
			     "%.*s (%.*s). Nothing on the nodes says that they have it.",
			     STR_ARG(group->layout), STR_ARG(group->parted->place));
}

static bool is_used(const struct fleet *fleet, const struct fleet_config *config)
{
	for (uint32_t i = 0; i < fleet->group_count; i++)
		if (fleet->groups[i]->plugin == config || fleet->groups[i]->parted == config)
			return true;
	return false;
}

static void write_unused(const struct fleet_config *config, struct buf *out)
{
	bool parted = config->config.kind == NVIDIA_CONFIG_MIG_PARTED;
	if (config->chosen) {
		text_comment(out, 0,
			     "Not used: the configuration of %s (%.*s), although nodes name it by the label %s. Check "
			     "that no other has this name, and that it fits all nodes of their Accelerator.",
			     parted ? "mig-parted" : "the device plugin", STR_ARG(config->place),
			     parted ? LAYOUT_LABEL : PLUGIN_LABEL);
		return;
	}
	text_comment(out, 0,
		     "Not used: the configuration of %s (%.*s). No nodes that %s devices by it are known; the label "
		     "%s of nodes would name it.",
		     parted ? "mig-parted" : "the device plugin", STR_ARG(config->place), parted ? "cut" : "share",
		     parted ? LAYOUT_LABEL : PLUGIN_LABEL);
}

void configs_write_unused(const struct fleet *fleet, struct buf *out)
{
	for (uint32_t i = 0; i < fleet->config_count; i++) {
		const struct fleet_config *config = &fleet->configs[i];
		if (!is_used(fleet, config))
			write_unused(config, out);
		if (config->file && !config_names_has(fleet, config->file))
			text_comment(out, 0,
				     "Move the file of this configuration out of the folder of the policy, since no "
				     "Accelerator names it and `gpugate serve` takes it for policy: %.*s",
				     STR_ARG(config->place));
	}
}

void configs_write_rest(const struct fleet *fleet, struct buf *out)
{
	if (fleet->wrong_count)
		text_comment(out, 0,
			     "%u configuration%s of NVIDIA's device plugin or of mig-parted in ConfigMaps could not "
			     "be read. The first is in %.*s",
			     fleet->wrong_count, text_s(fleet->wrong_count), STR_ARG(fleet->wrong));
	for (uint32_t i = 0; i < fleet->large_count && i < FLEET_LARGE_MAX; i++)
		text_comment(out, 0,
			     "Not read, since it is larger than 1 MiB: %.*s. It may be a configuration of NVIDIA's "
			     "device plugin or of mig-parted; then give init the part that nodes use.",
			     STR_ARG(fleet->large[i]));
	if (fleet->large_count > FLEET_LARGE_MAX)
		text_comment(out, 0, "%u more such texts are larger than 1 MiB and were not read.",
			     fleet->large_count - FLEET_LARGE_MAX);
	if (fleet->configs_left)
		text_comment(out, 0,
			     "%u configurations of NVIDIA's device plugin and of mig-parted were read; others were "
			     "left out.",
			     fleet->config_count);
}
