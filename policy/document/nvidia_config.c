#include "gpugate/nvidia_config.h"

#include <stdlib.h>
#include <strings.h>

#include "gpugate/suggest.h"
#include "policy/document/config_read.h"
#include "policy/document/source.h"
#include "policy/document/yaml.h"

#define CHUNK ((size_t)16 << 10)
#define MEMORY_MAX ((size_t)256 << 20) /* For NVIDIA_CONFIG_BYTES_MAX. */
#define KEYS_MAX 256                   /* Of `sharing` that are looked at. */
#define TEXT_MOST 900                  /* Bytes of an error, so that its place fits. */
#define PREFIX STR("nvidia.com/")
#define SUFFIX STR(".shared")

/* --- Kinds --- */

bool config_names(struct str text, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i + len <= text.len; i++)
		if (strncasecmp(text.ptr + i, word, len) == 0)
			return true;
	return false;
}

/*
 * timeSlicing may be misspelled, which the device plugin passes over. Many other words are similar
 * to one as short as mps.
 */
static bool shares(const struct node *sharing)
{
	static const struct str slicing = {"timeSlicing", 11};
	uint32_t checked = 0;
	for (const struct node *key = sharing->type == NODE_MAP ? sharing->first : NULL; key && checked < KEYS_MAX;
	     key = key->next, checked++)
		if (node_eq_any_case(key->text, STR("mps")) ||
		    str_present(suggest_word(key->text, &slicing, 1, sizeof slicing)))
			return true;
	return false;
}

/* Other programs have configurations as well, and objects of Kubernetes are none. */
enum nvidia_config_kind config_kind(const struct node *root)
{
	const struct node *sharing = node_find_any_case(root, STR("sharing"));
	const struct node *flags = node_find_any_case(root, STR("flags"));
	if (node_find(root, STR("apiVersion")) || node_find(root, STR("kind")))
		return NVIDIA_CONFIG_OTHER;
	if ((sharing && shares(sharing->value)) || (flags && node_find_any_case(flags->value, STR("migStrategy"))))
		return NVIDIA_CONFIG_DEVICE_PLUGIN;
	return node_find(root, STR("mig-configs")) ? NVIDIA_CONFIG_MIG_PARTED : NVIDIA_CONFIG_OTHER;
}

/* --- Reading --- */

struct reading {
	struct decoder decoder;
	struct docs docs;
	struct arena texts, nodes; /* Texts are copied to `arena`. */
	struct arena *arena;
	struct nvidia_config *config;
};

static int no_memory(struct error *err)
{
	return error_set(err, "there is not enough memory for the configuration");
}

/* Returns the name with its prefix, which the configuration may leave out, and a suffix. */
static struct str full_name(struct arena *arena, struct str name, struct str suffix)
{
	struct str prefix = str_has_char(name, '/') ? STR("") : PREFIX;
	size_t len = prefix.len + name.len + suffix.len;
	char *text = arena_alloc(arena, len + 1);
	if (!text)
		return (struct str){NULL, 0};
	memcpy(text, prefix.ptr, prefix.len);
	memcpy(text + prefix.len, name.ptr, name.len);
	memcpy(text + prefix.len + name.len, suffix.ptr, suffix.len);
	text[len] = '\0';
	return (struct str){text, len};
}

static int take_shares(struct reading *reading, const struct doc_device_plugin *plugin, struct error *err)
{
	/* As in the device plugin, MPS counts if both ways are given. */
	const struct doc_replication *how = plugin->mps.set ? &plugin->mps : &plugin->time_slicing;
	struct nvidia_config *config = reading->config;
	config->only_one = how->fail_above_one.set ? how->fail_above_one.value : plugin->mps.set;
	config->shares = arena_zalloc(reading->arena, (size_t)how->resources.count + 1, sizeof *config->shares);
	if (!config->shares)
		return no_memory(err);
	for (uint32_t i = 0; i < how->resources.count; i++) {
		const struct doc_replicated *entry = &how->resources.items[i];
		struct nvidia_share *share = &config->shares[config->share_count];
		if (entry->replicas.value < 2)
			continue;
		*share = (struct nvidia_share){
		    .resource = full_name(reading->arena, entry->name.s, STR("")),
		    .share = full_name(reading->arena, entry->name.s, how->rename_by_default.value ? SUFFIX : STR("")),
		    .replicas = entry->replicas.value};
		if (!share->resource.ptr || !share->share.ptr)
			return no_memory(err);
		config->share_count++;
	}
	return 0;
}

static int take_layout(struct reading *reading, struct str name, const struct doc_mig_layout *cuts, struct error *err)
{
	struct nvidia_layout *layout = &reading->config->layouts[reading->config->layout_count];
	*layout = (struct nvidia_layout){
	    .name = arena_str(reading->arena, name),
	    .profiles = arena_zalloc(reading->arena, (size_t)cuts->count + 1, sizeof *layout->profiles)};
	if (!layout->name.ptr || !layout->profiles)
		return no_memory(err);
	for (uint32_t i = 0; i < cuts->count; i++) {
		struct str *profile = &layout->profiles[layout->profile_count++];
		*profile = arena_str(reading->arena, cuts->cuts[i].name.s);
		if (!profile->ptr)
			return no_memory(err);
	}
	reading->config->layout_count++;
	return 0;
}

static int take_layouts(struct reading *reading, const struct node *root, struct error *err)
{
	const struct config_choice choice = {.at = root->at};
	const struct node *configs = node_find(root, STR("mig-configs"))->value;
	struct nvidia_config *config = reading->config;
	config->layouts = arena_zalloc(reading->arena, NVIDIA_LAYOUTS_MAX, sizeof *config->layouts);
	if (!config->layouts)
		return no_memory(err);
	if (configs->type != NODE_MAP)
		config_read_mig_root(&reading->decoder, &choice, (struct str){NULL, 0}, root);
	for (const struct node *key = configs->type == NODE_MAP ? configs->first : NULL;
	     key && config->layout_count < NVIDIA_LAYOUTS_MAX; key = key->next) {
		const struct doc_mig_layout *cuts =
		    key->text.len ? config_read_mig_root(&reading->decoder, &choice, key->text, root) : NULL;
		if (cuts && take_layout(reading, key->text, cuts, err) < 0)
			return -1;
	}
	return 0;
}

/* Keeps where the first mistake is. Columns count characters. */
static void keep_place(struct nvidia_config *config, struct str bytes, const struct finding *finding)
{
	const char *at = bytes.ptr, *end = bytes.ptr + bytes.len;
	for (unsigned line = 1; line < finding->line && at < end; at++)
		line += *at == '\n';
	for (unsigned column = 1; column < finding->column && at < end; column++)
		for (at++; at < end && ((unsigned char)*at & 0xC0) == 0x80;)
			at++;
	config->wrong_line = finding->line;
	config->wrong_byte = (size_t)(at - bytes.ptr);
}

static int read_root(struct reading *reading, struct str bytes, const struct node *root, struct error *err)
{
	const struct config_choice choice = {.at = root->at};
	const struct doc_device_plugin *plugin = NULL;
	const struct report *report = reading->decoder.report;
	int result = 0;
	reading->config->kind = config_kind(root);
	if (reading->config->kind == NVIDIA_CONFIG_MIG_PARTED)
		result = take_layouts(reading, root, err);
	else if (reading->config->kind == NVIDIA_CONFIG_DEVICE_PLUGIN)
		plugin = config_read_device_plugin(&reading->decoder, &choice, &reading->nodes);
	if (result == 0 && report->errors) {
		keep_place(reading->config, bytes, &report->findings[0]);
		struct str text = report->findings[0].text;
		return error_set(err, "%.*s", (int)(text.len < TEXT_MOST ? text.len : TEXT_MOST), text.ptr);
	}
	return plugin ? take_shares(reading, plugin, err) : result;
}

static int read_text(struct reading *reading, struct str bytes, struct error *err)
{
	reading->decoder =
	    (struct decoder){.docs = &reading->docs, .arena = &reading->texts, .report = reading->decoder.report};
	source_read_bytes("", bytes, &reading->texts, &reading->docs, reading->decoder.report);
	bool usable = reading->docs.source_count == 1 && reading->docs.sources[0].usable;
	struct report *report = reading->decoder.report;
	const struct node *root =
	    usable ? tree_only_map(tree_open(&reading->docs, 0, report), &reading->nodes, &reading->texts) : NULL;
	return root && report->errors == 0 ? read_root(reading, bytes, root, err) : 0;
}

int nvidia_config_read(struct str bytes, struct arena *arena, struct nvidia_config *config, struct error *err)
{
	*config = (struct nvidia_config){.kind = NVIDIA_CONFIG_OTHER};
	if (bytes.len == 0 || !(config_names(bytes, "sharing") || config_names(bytes, "migStrategy") ||
				config_names(bytes, "mig-configs")))
		return 0;
	config->too_large = bytes.len > NVIDIA_CONFIG_BYTES_MAX;
	if (config->too_large)
		return 0;
	struct reading reading = {.arena = arena, .config = config};
	reading.decoder.report = malloc(sizeof *reading.decoder.report);
	if (!reading.decoder.report)
		return no_memory(err);
	report_init(reading.decoder.report);
	arena_init(&reading.texts, CHUNK, MEMORY_MAX);
	arena_init(&reading.nodes, CHUNK, MEMORY_MAX);
	int result = read_text(&reading, bytes, err);
	arena_release(&reading.texts);
	arena_release(&reading.nodes);
	report_release(reading.decoder.report);
	free(reading.decoder.report);
	return result;
}
