#include "policy/document/config.h"

#include "policy/document/config_name.h"
#include "policy/document/decode_object.h"
#include "policy/document/report.h"
#include "policy/document/schema_parts.h"
#include "policy/document/yaml.h"

/* The maximum number of bytes that are read in total: many Accelerators may name the same file. */
#define CONFIG_BYTES_MAX ((size_t)64 << 20)

/* --- Which sources are configurations --- */

/* Returns the text of spec.`object`.`key`, or an absent string. */
static struct str name_in(const struct node *root, struct str object, struct str key)
{
	const struct node *at = node_find(root, STR("spec"));

	at = at ? node_find(at->value, object) : NULL;
	at = at ? node_find(at->value, key) : NULL;
	return at && at->value->type == NODE_SCALAR ? at->value->text : (struct str){NULL, 0};
}

/* Marks the sources that a document of the source `from` names. Returns whether it names any. */
static bool mark_named(struct docs *docs, uint32_t from, const struct node *root)
{
	const struct str names[] = {name_in(root, STR("sharing"), STR("devicePluginConfig")),
				    name_in(root, STR("mig"), STR("offeredFrom"))};
	bool any = false;

	for (size_t i = 0; i < COUNT(names); i++) {
		uint32_t source;
		if (!str_present(names[i]))
			continue;
		any = true;
		if (config_find(docs, from, names[i], &source) == CONFIG_FOUND)
			docs->sources[source].config = true;
	}
	return any;
}

static bool may_name(struct str bytes)
{
	return memmem(bytes.ptr, bytes.len, "devicePluginConfig", sizeof "devicePluginConfig" - 1) ||
	       memmem(bytes.ptr, bytes.len, "offeredFrom", sizeof "offeredFrom" - 1);
}

/* Drops its findings, because the file will be read again, as policy or as a configuration. */
static bool mark_from(struct docs *docs, uint32_t from, struct arena *nodes)
{
	bool any = false;
	struct report dropped;

	report_init(&dropped);
	struct tree_reader *reader = tree_open(docs, from, &dropped);
	for (const struct node *root; reader && (root = tree_next(reader, nodes, nodes));) {
		const struct node *kind = node_find(root, STR("kind"));
		if (kind && str_eq(kind->value->text, schema_kinds[KIND_ACCELERATOR].kind))
			any = mark_named(docs, from, root) || any;
		arena_reset(nodes);
	}
	tree_close(reader);
	arena_reset(nodes);
	report_release(&dropped);
	return any;
}

void config_mark(struct docs *docs, struct arena *nodes, struct report *report)
{
	/* A file that names another one is policy, even if it is named itself. */
	for (uint32_t i = 0; i < docs->source_count; i++) {
		struct source *source = &docs->sources[i];
		if (source->usable && may_name(source->bytes))
			source->policy = mark_from(docs, i, nodes);
	}
	for (uint32_t i = 0; i < docs->source_count; i++) {
		struct source *source = &docs->sources[i];
		source->config = source->config && !source->policy;
		if (source->config)
			report_config(report, source->path);
	}
}

/* --- NVIDIA's device plugin --- */

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
		DECODE_FIND(cutting->decoder, profile->at,
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
		DECODE_FIND(decoder, profiles->value->at,
			    "\"mig-devices\": expected a map of profiles, such as 1g.10gb: 7, found %s",
			    node_describe(profiles->value, words, sizeof words));
		return;
	}
	bool any_model = !node_find(entry, STR("device-filter"));
	for (const struct node *profile = profiles->value->first; profile; profile = profile->next) {
		if (schema_form_fits(FORM_PROFILE, profile->text))
			add_cut(cutting, profile, any_model);
		else
			DECODE_FIND(decoder, profile->at, "\"%.*s\" is not %s", SHOWN(profile->text),
				    schema_forms[FORM_PROFILE].words);
	}
}

static void read_layout(struct cutting *cutting, const struct node *key)
{
	char words[80];

	if (key->value->type != NODE_LIST) {
		DECODE_FIND(cutting->decoder, key->value->at, "\"%.*s\": expected a list of devices, found %s",
			    SHOWN(key->text), node_describe(key->value, words, sizeof words));
		return;
	}
	for (const struct node *entry = key->value->first; entry; entry = entry->next) {
		if (entry->type == NODE_MAP)
			read_devices(cutting, entry);
		else
			DECODE_FIND(cutting->decoder, entry->at,
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
		DECODE_FIND(cutting->decoder, layouts->value->at,
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
	unsigned errors = decoder->report->errors;
	const struct node *root = config_root(decoder, choice, nodes);
	struct cutting cutting = {.decoder = decoder, .capacity = MIG_CUTS_MAX};

	if (!root)
		return NULL;
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

/* --- Accelerators --- */

/* Returns whether there is a file to read. A file that cannot be used is reported. */
static bool find_file(struct decoder *decoder, const struct text *name, size_t *left, struct config_choice *choice)
{
	*choice = (struct config_choice){.at = name->at};
	if (!str_present(name->s))
		return false;
	enum config_found found = config_find(decoder->docs, name->at.source, name->s, &choice->source);
	if (found == CONFIG_OUTSIDE)
		DECODE_FIND(decoder, name->at, "\"%.*s\" leads out of the policy folder; name a file inside it",
			    SHOWN(config_path(name->s)));
	if (found != CONFIG_FOUND)
		return false;
	struct source *source = &decoder->docs->sources[choice->source];
	if (!source->config) {
		DECODE_FIND(decoder, name->at, "\"%.*s\" is a file of policy; name a file with a configuration only",
			    SHOWN(config_path(name->s)));
		return false;
	}
	if (!source->usable || source->reported)
		return false;
	if (source->bytes.len > *left) {
		DECODE_FIND(
		    decoder, name->at,
		    "the configurations that Accelerators name are larger than 64 MiB together; split them into "
		    "smaller files");
		*left = 0;
		source->reported = true;
		return false;
	}
	*left -= source->bytes.len;
	return true;
}

void config_attach(struct decoder *decoder, struct arena *nodes)
{
	struct docs *docs = decoder->docs;
	size_t left = CONFIG_BYTES_MAX;
	struct config_choice choice;

	for (uint32_t i = 0; i < docs->accelerators.count; i++) {
		struct doc_accelerator *accelerator = &docs->accelerators.items[i];
		const struct text *plugin = &accelerator->sharing.device_plugin_config;
		const struct text *parted = &accelerator->mig.offered_from;
		unsigned errors = decoder->report->errors;
		if (find_file(decoder, plugin, &left, &choice)) {
			choice.key = config_part(plugin->s);
			accelerator->sharing.plugin = config_read_device_plugin(decoder, &choice, nodes);
			docs->sources[choice.source].reported = decoder->report->errors != errors;
		}
		errors = decoder->report->errors;
		if (find_file(decoder, parted, &left, &choice)) {
			choice.usual = STR("config.yaml");
			accelerator->mig.layout =
			    config_read_mig_layout(decoder, &choice, config_part(parted->s), nodes);
			docs->sources[choice.source].reported = decoder->report->errors != errors;
		}
		arena_reset(nodes);
	}
}
