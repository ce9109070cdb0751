/*
 * rules_config: configurations of NVIDIA's device plugin in ConfigMaps. They are read as those that
 * an Accelerator names, and what is found there is reported at the line of the manifest.
 */
#include <stdlib.h>

#include "policy/document/config_read.h"
#include "policy/document/lines.h"
#include "policy/document/source.h"
#include "policy/document/yaml.h"
#include "policy/manifest/plugin_maps.h"
#include "policy/manifest/rules.h"

#define CHUNK ((size_t)16 << 10)
#define MEMORY_MAX ((size_t)256 << 20) /* A ConfigMap has at most 1 MiB. */

/* One value of a ConfigMap that is read. */
struct reading {
	const struct view *view;
	const struct node *key;
	struct docs docs;      /* With the value as the only source. */
	struct report *report; /* Its places are in the value. */
	struct arena arena, nodes;
};

/* --- Places --- */

static bool is_blank(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != ' ')
			return false;
	return true;
}

/* Whether the value is a block whose lines are those of the manifest. Folded lines are not. */
static bool is_literal(const struct source *source, struct location at)
{
	struct str line = source_line(source, at.line);
	size_t column = at.column - 1;
	return column < line.len && line.ptr[column] == '|';
}

/*
 * Returns the place in the manifest of a place in the value. A line of a block of text is there as
 * it is, after blanks. Of any other value, only the key is known.
 */
static struct location place(const struct reading *reading, const struct finding *finding)
{
	struct location at = reading->key->value->at;
	const struct source *source = &reading->view->docs->sources[at.source];
	if (finding->line == 0 || finding->line > source->line_count - at.line || !is_literal(source, at))
		return reading->key->at;
	struct str line = source_line(&reading->docs.sources[0], finding->line);
	struct str whole = source_line(source, at.line + finding->line);
	if (!str_ends(whole, line) || !is_blank((struct str){whole.ptr, whole.len - line.len}))
		return reading->key->at;
	return (struct location){.source = at.source,
				 .line = at.line + finding->line,
				 .column = finding->column + (uint32_t)(whole.len - line.len),
				 .length = finding->length};
}

static void take_findings(const struct reading *reading)
{
	for (unsigned i = 0; i < reading->report->count; i++) {
		const struct finding *finding = &reading->report->findings[i];
		enum lint_id id = str_present(finding->id) ? lint_find(finding->id) : LINT_DEVICE_PLUGIN_CONFIG;
		if (id < LINT_IDS)
			VIEW_LINT(reading->view, id, place(reading, finding), "%.*s", STR_ARG(finding->text));
	}
	unsigned more = reading->report->errors + reading->report->warnings - reading->report->count;
	if (more > 0)
		VIEW_LINT(reading->view, LINT_DEVICE_PLUGIN_CONFIG, reading->key->at,
			  "the configuration has mistakes that are not named here (%u); correct the others first",
			  more);
}

/* --- Reading --- */

static void check_map(struct reading *reading)
{
	const struct config_choice choice = {.source = 0, .at = {.line = 1, .column = 1, .length = 1}};
	struct decoder decoder = {.docs = &reading->docs, .arena = &reading->arena, .report = reading->report};
	config_read_device_plugin(&decoder, &choice, &reading->nodes);
	take_findings(reading);
}

/* Whether a line says nothing: it is blank, a comment, or the beginning of a document. */
static bool is_passed_over(struct str line)
{
	while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		line = str_tail(line, 1);
	return line.len == 0 || line.ptr[0] == '#' || str_eq(line, STR("---"));
}

/* Whether the first line that says something is one of a configuration. A script has another. */
static bool begins_as_config(const struct source *source)
{
	static const struct str keys[] = {STR_INIT("version:"), STR_INIT("flags:"), STR_INIT("sharing:")};
	for (uint32_t i = 1; i <= source->line_count; i++) {
		struct str line = source_line(source, i);
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
			if (str_starts(line, keys[k]))
				return true;
		if (!is_passed_over(line))
			return false;
	}
	return false;
}

/* Whether the text has a key of the device plugin that other programs hardly have. */
static bool names_plugin(struct str text)
{
	return config_names(text, "timeSlicing") || config_names(text, " mps:") || config_names(text, "{mps:") ||
	       config_names(text, "migStrategy");
}

/* Anchors and tags are problems in a policy only. */
static void check_unreadable(struct reading *reading, struct str text)
{
	if (!names_plugin(text) || !begins_as_config(&reading->docs.sources[0]))
		return;
	report_release(reading->report);
	report_init(reading->report);
	tree_only_map(tree_open_lenient(&reading->docs, 0, reading->report), &reading->nodes, &reading->arena);
	if (reading->report->count > 0)
		VIEW_LINT(
		    reading->view, LINT_DEVICE_PLUGIN_CONFIG, place(reading, &reading->report->findings[0]),
		    "this is not YAML, so the device plugin does not start; check the indentation and the quotes");
}

/* In a folder of Kustomize, a name gets a suffix. */
static void note_map(const struct view *view)
{
	const struct node *name = view_path(view->root, "metadata.name");
	if (!view->partial && view->name.len > 0 && !view_is_template(view->name))
		plugin_maps_add(view->plugin_maps, view->path, view->name, name->at);
}

static void check_text(struct reading *reading, struct str text)
{
	const char *path = reading->view->docs->sources[reading->key->at.source].path.ptr;
	source_read_bytes(path, text, &reading->arena, &reading->docs, reading->report);
	if (reading->docs.source_count != 1 || !reading->docs.sources[0].usable)
		return;
	const struct node *root =
	    tree_only_map(tree_open(&reading->docs, 0, reading->report), &reading->nodes, &reading->arena);
	if (reading->report->errors > 0)
		check_unreadable(reading, text);
	else if (root && config_kind(root) == NVIDIA_CONFIG_DEVICE_PLUGIN) {
		check_map(reading);
		note_map(reading->view);
	}
}

static void check_value(const struct view *view, const struct node *key)
{
	struct str text = view_text(key->value);
	if (!(config_names(text, "sharing") || config_names(text, "migStrategy")) || config_names(text, "{{") ||
	    config_names(text, "${"))
		return;
	struct reading reading = {.view = view, .key = key, .report = malloc(sizeof *reading.report)};
	if (!reading.report) {
		docs_report(view->report, view->docs, SEVERITY_ERROR, key->at,
			    "no memory is left to read this configuration");
		return;
	}
	report_init(reading.report);
	arena_init(&reading.arena, CHUNK, MEMORY_MAX);
	arena_init(&reading.nodes, CHUNK, MEMORY_MAX);
	check_text(&reading, text);
	arena_release(&reading.arena);
	arena_release(&reading.nodes);
	report_release(reading.report);
	free(reading.report);
}

void rules_config_map(const struct view *view)
{
	const struct node *data = view_get(view->root, STR("data"));
	for (const struct node *key = data && data->type == NODE_MAP ? data->first : NULL; key; key = key->next)
		check_value(view, key);
}
