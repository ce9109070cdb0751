#include <stdlib.h>
#include <yaml.h>

#include "webhook/kube/config_yaml.h"

#define DEPTH_MAX 32

/* Length of the folder of the path, to which relative paths in the file refer. */
static int folder_bytes(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (int)(slash - path) + 1 : 0;
}

/* --- Checks before libyaml builds a tree, to bound its cost and exclude cycles --- */

static int refuse_at(const struct kube_reading *reading, yaml_mark_t mark, const char *problem)
{
	return error_set(reading->err, "%.300s:%zu:%zu: %s", reading->path, mark.line + 1, mark.column + 1, problem);
}

static int check_event(const struct kube_reading *reading, const yaml_event_t *event, unsigned *depth,
		       unsigned *documents)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return refuse_at(reading, event->start_mark, "aliases (\"*\") are not read here; write the value out");
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++*depth > DEPTH_MAX)
			return refuse_at(reading, event->start_mark, "this is nested too deep for a kubeconfig");
		return 0;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		--*depth;
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return refuse_at(
			    reading, event->start_mark,
			    "a kubeconfig is one document, and a second one begins here; is this the right file?");
		return 0;
	default:
		return 0;
	}
}

static int syntax_error(const struct kube_reading *reading, const yaml_parser_t *parser)
{
	return refuse_at(reading, parser->problem_mark, parser->problem ? parser->problem : "this is not YAML");
}

static int check_events(const struct kube_reading *reading, struct str text)
{
	yaml_parser_t parser;
	unsigned depth = 0, documents = 0;
	int failed = 0;
	bool over = false;
	if (!yaml_parser_initialize(&parser))
		return error_set(reading->err, "%.300s: not enough memory", reading->path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	while (!failed && !over) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			failed = syntax_error(reading, &parser);
			break;
		}
		failed = check_event(reading, &event, &depth, &documents);
		over = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return failed;
}

int kube_reading_load(struct kube_reading *reading, struct str text)
{
	yaml_parser_t parser;
	if (check_events(reading, text) < 0)
		return -1;
	if (!yaml_parser_initialize(&parser))
		return error_set(reading->err, "%.300s: not enough memory", reading->path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	int failed = yaml_parser_load(&parser, &reading->document) ? 0 : syntax_error(reading, &parser);
	yaml_parser_delete(&parser);
	return failed;
}

void kube_reading_wipe(struct kube_reading *reading)
{
	yaml_document_t *document = &reading->document;
	for (yaml_node_t *node = document->nodes.start; node && node < document->nodes.top; node++)
		if (node->type == YAML_SCALAR_NODE)
			explicit_bzero(node->data.scalar.value, node->data.scalar.length);
	yaml_document_delete(document);
}

/* --- Nodes --- */

struct str kube_reading_scalar(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return (struct str){NULL, 0};
	return (struct str){(const char *)node->data.scalar.value, node->data.scalar.length};
}

/* Whether it is null or empty, which a kubeconfig treats alike. */
static bool is_nothing(const yaml_node_t *node)
{
	struct str text = kube_reading_scalar(node);
	bool plain = node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return (node->type == YAML_SCALAR_NODE && text.len == 0) ||
	       (plain && (str_eq(text, STR("null")) || str_eq(text, STR("~"))));
}

int kube_reading_refuse(const struct kube_reading *reading, const yaml_node_t *node, const char *key,
			const char *problem)
{
	return error_set(reading->err, "%.300s:%zu:%zu: %s: %s", reading->path, node->start_mark.line + 1,
			 node->start_mark.column + 1, key, problem);
}

int kube_reading_find(struct kube_reading *reading, const yaml_node_t *map, const char *key, yaml_node_t **value)
{
	*value = NULL;
	if (map->type != YAML_MAPPING_NODE)
		return kube_reading_refuse(reading, map, key, "a map with this key is expected here");
	bool found = false;
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = yaml_document_get_node(&reading->document, pair->key);
		yaml_node_t *node = yaml_document_get_node(&reading->document, pair->value);
		if (!name || !node || !str_eq(kube_reading_scalar(name), str_of(key)))
			continue;
		if (found)
			return kube_reading_refuse(reading, name, key, "is given twice; remove one");
		found = true;
		*value = is_nothing(node) ? NULL : node;
	}
	return 0;
}

int kube_reading_text(struct kube_reading *reading, const yaml_node_t *map, const char *key, struct str *text)
{
	yaml_node_t *value;
	*text = (struct str){NULL, 0};
	if (kube_reading_find(reading, map, key, &value) < 0)
		return -1;
	if (!value)
		return 0;
	*text = kube_reading_scalar(value);
	if (!str_present(*text) || str_has_char(*text, '\0'))
		return kube_reading_refuse(reading, value, key, "has to be a text");
	return 0;
}

yaml_node_t *kube_reading_named(struct kube_reading *reading, const char *list, const char *inner, struct str name)
{
	yaml_node_t *root = yaml_document_get_root_node(&reading->document), *items, *map = NULL;
	if (kube_reading_find(reading, root, list, &items) < 0)
		return NULL;
	if (items && items->type != YAML_SEQUENCE_NODE) {
		kube_reading_refuse(reading, items, list, "has to be a list");
		return NULL;
	}
	for (yaml_node_item_t *at = items ? items->data.sequence.items.start : NULL;
	     items && at < items->data.sequence.items.top; at++) {
		yaml_node_t *item = yaml_document_get_node(&reading->document, *at);
		struct str own;
		if (kube_reading_text(reading, item, "name", &own) < 0)
			return NULL;
		if (!str_eq(own, name))
			continue;
		if (kube_reading_find(reading, item, inner, &map) < 0)
			return NULL;
		if (!map)
			kube_reading_refuse(reading, item, inner, "is missing here");
		return map;
	}
	error_set(reading->err, "%.300s: %s has no entry named \"%.*s\"; `kubectl config view` shows the entries",
		  reading->path, list, name.len > 100 ? 100 : (int)name.len, name.ptr ? name.ptr : "");
	return NULL;
}

/* --- Helpers for readers of values --- */

int kube_reading_no_memory(const struct kube_reading *reading)
{
	return error_set(reading->err, "%.300s: not enough memory", reading->path);
}

char *kube_reading_path(const struct kube_reading *reading, struct str path)
{
	char *text = NULL;
	int folder = path.len > 0 && path.ptr[0] == '/' ? 0 : folder_bytes(reading->path);
	if (asprintf(&text, "%.*s%.*s", folder, reading->path, STR_ARG(path)) < 0)
		return NULL;
	return text;
}
