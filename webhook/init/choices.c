#include "webhook/init/choices.h"

#include "webhook/init/text.h"

#define KEYS_MAX 10000 /* Of ConfigMaps, each once. */

/* --- Keys --- */

struct key {
	struct hash_link link;
	struct str text;
};

static bool has_key(const struct fleet *fleet, struct str text)
{
	uint64_t hash = str_hash(text);
	for (struct hash_link *link = hash_map_chain(&fleet->key_map, hash); link; link = link->next)
		if (link->hash == hash && str_eq(((struct key *)link)->text, text))
			return true;
	return false;
}

int choices_add_key(struct fleet *fleet, struct str key, struct error *err)
{
	if (fleet->key_map.count >= KEYS_MAX || has_key(fleet, key))
		return 0;
	struct key *copy = arena_zalloc(&fleet->arena, 1, sizeof *copy);
	if (copy)
		copy->text = arena_str(&fleet->arena, key);
	if (!copy || !copy->text.ptr)
		return fleet_no_memory(err);
	hash_map_add(&fleet->key_map, &copy->link, str_hash(copy->text));
	return 0;
}

/* --- What nodes choose --- */

static bool has_layout(const struct nvidia_config *config, struct str name)
{
	for (uint32_t i = 0; i < config->layout_count; i++)
		if (str_eq(config->layouts[i].name, name))
			return true;
	return false;
}

/* Marks what the node names. Returns whether some of the kind were read, but not this one. */
static bool is_unread(struct fleet *fleet, enum nvidia_config_kind kind, struct str value)
{
	bool some = false, known = fleet->configs_left || fleet->wrong_count > 0 || fleet->large_count > 0;
	for (uint32_t i = 0; i < fleet->config_count; i++) {
		struct fleet_config *config = &fleet->configs[i];
		bool parted = kind == NVIDIA_CONFIG_MIG_PARTED;
		if (config->config.kind != kind)
			continue;
		bool named = parted ? has_layout(&config->config, value) : str_eq(config->key, value);
		some = true;
		config->chosen |= named;
		/* What is a file here may have any key in the cluster, and a long list is cut. */
		known |= named || (parted ? config->config.layout_count == NVIDIA_LAYOUTS_MAX : config->key.len == 0);
	}
	return some && !known;
}

static int note_unread(struct fleet *fleet, const struct fleet_unread *unread, struct error *err)
{
	for (uint32_t i = 0; i < fleet->unread_count; i++)
		if (fleet->unread[i].label == unread->label && str_eq(fleet->unread[i].value, unread->value))
			return 0;
	if (fleet->unread_count == FLEET_OTHERS_MAX)
		return 0;
	struct fleet_unread *copy = &fleet->unread[fleet->unread_count++];
	*copy = (struct fleet_unread){unread->label, arena_str(&fleet->arena, unread->node),
				      arena_str(&fleet->arena, unread->value)};
	return copy->node.ptr && copy->value.ptr ? 0 : fleet_no_memory(err);
}

static int note_choice(struct fleet *fleet, struct fleet_choice *choice, struct str value, struct error *err)
{
	if (choice->read) {
		choice->differs |= !str_eq(choice->value, value);
		return 0;
	}
	choice->read = true;
	choice->value = arena_str(&fleet->arena, value);
	return choice->value.ptr ? 0 : fleet_no_memory(err);
}

int choices_note(struct fleet *fleet, struct fleet_group *group, struct str node, const struct pairs *labels,
		 struct error *err)
{
	const struct fleet_unread plugin = {PLUGIN_LABEL, node, fleet_label(labels, STR(PLUGIN_LABEL))};
	const struct fleet_unread layout = {LAYOUT_LABEL, node, fleet_label(labels, STR(LAYOUT_LABEL))};
	if (note_choice(fleet, &group->plugin_key, plugin.value, err) < 0 ||
	    note_choice(fleet, &group->layout_key, layout.value, err) < 0)
		return -1;
	/* A configuration that shares nothing is not kept, but its key is. */
	if (plugin.value.len && is_unread(fleet, NVIDIA_CONFIG_DEVICE_PLUGIN, plugin.value) &&
	    !has_key(fleet, plugin.value) && fleet->key_map.count < KEYS_MAX && note_unread(fleet, &plugin, err) < 0)
		return -1;
	return layout.value.len && is_unread(fleet, NVIDIA_CONFIG_MIG_PARTED, layout.value)
		   ? note_unread(fleet, &layout, err)
		   : 0;
}

static bool has(const struct fleet *fleet, enum nvidia_config_kind kind)
{
	for (uint32_t i = 0; i < fleet->config_count; i++)
		if (fleet->configs[i].config.kind == kind)
			return true;
	return false;
}

void choices_find_open(const struct fleet *fleet, struct fleet_group *group)
{
	bool shown = group->whole || group->mixed || group->replicas > 0;
	group->plugin_open = group->plugin_key.differs && !shown && has(fleet, NVIDIA_CONFIG_DEVICE_PLUGIN);
	group->layout_open =
	    group->layout_key.differs && !str_present(group->single) && has(fleet, NVIDIA_CONFIG_MIG_PARTED);
}

/* --- Comments --- */

void choices_write_open(const struct fleet_group *group, struct buf *out)
{
	static const char *const labels[] = {PLUGIN_LABEL, LAYOUT_LABEL};
	const bool open[] = {group->plugin_open, group->layout_open};
	for (size_t i = 0; i < 2; i++)
		if (open[i])
			text_comment(out, 2,
				     "These nodes choose several configurations by the label %s, or only some "
				     "choose one, so none is used here. Label them apart, and write an Accelerator "
				     "for each configuration.",
				     labels[i]);
}

void choices_write_unread(const struct fleet *fleet, struct buf *out)
{
	for (uint32_t i = 0; i < fleet->unread_count; i++)
		text_comment(out, 0,
			     "The node %.*s names the configuration %.*s by the label %s, which was not read. Give "
			     "init the ConfigMap that has it, or correct the label.",
			     STR_ARG(fleet->unread[i].node), STR_ARG(fleet->unread[i].value), fleet->unread[i].label);
}
