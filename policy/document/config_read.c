#include "policy/document/config_read.h"

#include "policy/document/decode_object.h"
#include "policy/document/schema_parts.h"

/* --- NVIDIA's device plugin --- */

static struct str without_prefix(struct str name)
{
	return str_starts(name, STR("nvidia.com/")) ? str_tail(name, sizeof "nvidia.com/" - 1) : name;
}

/* Warns of names that the device plugin ignores, because `renameByDefault` alone decides. */
static void check_names(struct decoder *decoder, const struct doc_replication *how)
{
	struct str suffix = how->rename_by_default.value ? STR(".shared") : STR("");

	for (uint32_t i = 0; i < how->resources.count; i++) {
		const struct doc_replicated *entry = &how->resources.items[i];
		struct str name = without_prefix(entry->name.s), rename = without_prefix(entry->rename.s);
		if (!str_present(rename) ||
		    (rename.len == name.len + suffix.len && str_starts(rename, name) && str_ends(rename, suffix)))
			continue;
		docs_lint(decoder->report, decoder->docs, LINT_CONFIG_KEY_IGNORED, entry->rename.at,
			  "the device plugin ignores \"rename\" and calls the shares \"%.*s%.*s\"; remove it",
			  SHOWN(entry->name.s), STR_ARG(suffix));
	}
}

const struct doc_device_plugin *config_read_device_plugin(struct decoder *decoder, const struct config_choice *choice,
							  struct arena *nodes)
{
	unsigned errors = decoder->report->errors;
	const struct node *root = config_root(decoder, choice, nodes);
	struct doc_device_plugin *plugin = root ? arena_zalloc(decoder->arena, 1, sizeof *plugin) : NULL;

	if (root && !plugin)
		decode_exhausted(decoder);
	if (!plugin)
		return NULL;
	plugin->at = root->at;
	decode_object(decoder, &schema_device_plugin_object, root, plugin, root->at);
	check_names(decoder, &plugin->time_slicing);
	check_names(decoder, &plugin->mps);
	return decoder->report->errors == errors ? plugin : NULL;
}

/* --- mig-parted --- */

/* A layout that is being read. */
struct cutting {
	struct decoder *decoder;
	struct doc_mig_layout *layout;
	uint32_t capacity;
};

static void add_cut(struct cutting *cutting, const struct node *profile, bool any_model)
{
	struct doc_mig_layout *layout = cutting->layout;

	for (uint32_t i = 0; i < layout->count; i++) {
		if (str_eq(layout->cuts[i].name.s, profile->text)) {
			layout->cuts[i].any_model = layout->cuts[i].any_model || any_model;
			return;
		}
	}
	if (layout->count == cutting->capacity) {
		DECODE_REPORT(cutting->decoder, profile->at,
			      "the configuration has more than %u profiles; name one of "
			      "its layouts with \"#\"",
			      cutting->capacity);
		return;
	}
	layout->cuts[layout->count++] = (struct doc_cut){.name = {profile->text, profile->at}, .any_model = any_model};
}

static void read_devices(struct cutting *cutting, const struct node *entry)
{
	struct decoder *decoder = cutting->decoder;
	struct config_mig_devices devices = {.at = entry->at};
	const struct node *profiles = node_find(entry, STR("mig-devices"));
	char words[80];

	decode_object(decoder, &schema_mig_devices_object, entry, &devices, entry->at);
	if (!devices.enabled.value || !profiles)
		return;
	if (profiles->value->type != NODE_MAP) {
		DECODE_REPORT(decoder, profiles->value->at,
			      "\"mig-devices\": expected a map of profiles, such as 1g.10gb: 7, found %s",
			      node_describe(profiles->value, words, sizeof words));
		return;
	}
	bool any_model = !node_find(entry, STR("device-filter"));
	for (const struct node *profile = profiles->value->first; profile; profile = profile->next) {
		if (schema_form_fits(FORM_PROFILE, profile->text))
			add_cut(cutting, profile, any_model);
		else
			DECODE_REPORT(decoder, profile->at, "\"%.*s\" is not %s", SHOWN(profile->text),
				      schema_forms[FORM_PROFILE].words);
	}
}

static void read_layout(struct cutting *cutting, const struct node *key)
{
	char words[80];

	if (key->value->type != NODE_LIST) {
		DECODE_REPORT(cutting->decoder, key->value->at, "\"%.*s\": expected a list of devices, found %s",
			      SHOWN(key->text), node_describe(key->value, words, sizeof words));
		return;
	}
	for (const struct node *entry = key->value->first; entry; entry = entry->next) {
		if (entry->type == NODE_MAP)
			read_devices(cutting, entry);
		else
			DECODE_REPORT(cutting->decoder, entry->at,
				      "%s must be a map of devices, mig-enabled and mig-devices, found %s",
				      schema_mig_devices_object.name, node_describe(entry, words, sizeof words));
	}
}

static void read_layouts(struct cutting *cutting, const struct node *root, const struct config_choice *choice,
			 struct str layout)
{
	const struct node *layouts = node_find(root, STR("mig-configs"));
	const struct node *one = NULL;
	char words[80];

	if (!layouts)
		return;
	if (layouts->value->type != NODE_MAP) {
		DECODE_REPORT(cutting->decoder, layouts->value->at,
			      "\"mig-configs\": expected a map of named layouts, found %s",
			      node_describe(layouts->value, words, sizeof words));
		return;
	}
	if (str_present(layout)) {
		one = node_find(layouts->value, layout);
		if (one)
			read_layout(cutting, one);
		else
			config_no_key(cutting->decoder, choice->at, "file has no configuration", layout,
				      layouts->value);
		return;
	}
	for (const struct node *key = layouts->value->first; key; key = key->next)
		read_layout(cutting, key);
}

const struct doc_mig_layout *config_read_mig_layout(struct decoder *decoder, const struct config_choice *choice,
						    struct str layout, struct arena *nodes)
{
	const struct node *root = config_root(decoder, choice, nodes);

	return root ? config_read_mig_root(decoder, choice, layout, root) : NULL;
}

const struct doc_mig_layout *config_read_mig_root(struct decoder *decoder, const struct config_choice *choice,
						  struct str layout, const struct node *root)
{
	unsigned errors = decoder->report->errors;
	struct cutting cutting = {.decoder = decoder, .capacity = MIG_CUTS_MAX};

	cutting.layout = arena_zalloc(decoder->arena, 1, sizeof *cutting.layout);
	if (cutting.layout)
		cutting.layout->cuts = arena_zalloc(decoder->arena, cutting.capacity, sizeof *cutting.layout->cuts);
	if (!cutting.layout || !cutting.layout->cuts) {
		decode_exhausted(decoder);
		return NULL;
	}
	struct config_mig_parted parted = {.at = root->at};
	decode_object(decoder, &schema_mig_parted_object, root, &parted, root->at);
	cutting.layout->at = root->at;
	cutting.layout->one = str_present(layout);
	read_layouts(&cutting, root, choice, layout);
	return decoder->report->errors == errors ? cutting.layout : NULL;
}
