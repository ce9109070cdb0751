#include "policy/document/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "policy/document/diagnostic.h"
#include "policy/document/lines.h"
#include "policy/document/yaml_problem.h"
#include "policy/document/yaml_text.h"

struct tree_reader {
	yaml_parser_t parser;
	const struct docs *docs;
	const struct source *source;
	uint32_t index; /* Of the source. */
	struct report *report;
	struct arena *nodes;
	struct arena *texts;
	bool lenient; /* See tree_open_lenient. */
	bool gaps;    /* Something of the document was left out. */
	bool over;    /* The end, or an error after which nothing can be read. */
};

#define REPORT(reader, at, ...) docs_report((reader)->report, (reader)->docs, SEVERITY_ERROR, (at), __VA_ARGS__)

/* Reports what is YAML, but is not read. A lenient reader only notes that there is something. */
#define REFUSE(reader, at, ...)                                                                                        \
	do {                                                                                                           \
		(reader)->gaps = true;                                                                                 \
		if (!(reader)->lenient)                                                                                \
			REPORT(reader, at, __VA_ARGS__);                                                               \
	} while (0)

static bool next_event(struct tree_reader *reader, yaml_event_t *event)
{
	if (reader->over)
		return false;
	if (!yaml_parser_parse(&reader->parser, event)) {
		reader->over = true;
		yaml_problem(&reader->parser, reader->docs, reader->index, reader->report);
		return false;
	}
	return true;
}

/* Reports that memory is exhausted, and stops reading: the rest would be incomplete. */
static void run_out(struct tree_reader *reader)
{
	reader->over = true;
	REPORT(reader, (struct location){.source = reader->index}, "no memory is left to read this file");
}

/* --- Nodes --- */

static struct node *new_node(struct tree_reader *reader, enum node_type type, const yaml_event_t *event)
{
	struct node *node = arena_zalloc(reader->nodes, 1, sizeof *node);
	struct location at = yaml_location(reader->docs, reader->index, event->start_mark, event->end_mark);

	if (!node) {
		run_out(reader);
		return NULL;
	}
	node->type = type;
	node->at = at;
	return node;
}

static struct str keep_text(struct tree_reader *reader, const yaml_event_t *event)
{
	struct str text = yaml_text(reader->source, event, reader->texts);

	if (text.ptr)
		return text;
	run_out(reader);
	return (struct str){"", 0};
}

static void refuse_marks(struct tree_reader *reader, struct node *node, const yaml_char_t *anchor,
			 const yaml_char_t *tag)
{
	struct location at = node->at;
	at.length = 1;
	if (anchor)
		REFUSE(reader, at, "anchors (\"&\") are not read; write the value where it is needed, or quote it");
	else if (tag)
		REFUSE(reader, at, "tags (\"!\") are not read; remove it, or quote the value");
	if (tag || (anchor && !reader->lenient))
		node->bad = true;
}

static struct node *read_node(struct tree_reader *reader, const yaml_event_t *event, unsigned depth);

/* Returns the next node, or NULL at the end of the list or map, or if nothing more can be read. */
static struct node *read_child(struct tree_reader *reader, unsigned depth)
{
	yaml_event_t event;
	struct node *node = NULL;

	if (!next_event(reader, &event))
		return NULL;
	if (event.type != YAML_SEQUENCE_END_EVENT && event.type != YAML_MAPPING_END_EVENT)
		node = read_node(reader, &event, depth);
	yaml_event_delete(&event);
	return node;
}

static void read_items(struct tree_reader *reader, struct node *list, unsigned depth)
{
	struct node **end = &list->first;

	for (struct node *item; (item = read_child(reader, depth + 1));) {
		*end = item;
		end = &item->next;
		list->count++;
	}
}

/* Returns false if the key was reported. The caller then drops it with its value. */
static bool check_key(struct tree_reader *reader, const struct node *key)
{
	if (key->bad)
		return false;
	if (key->type != NODE_SCALAR) {
		REFUSE(reader, key->at, "a key must be a word, found %s",
		       key->type == NODE_LIST
			   ? "a list; quote it if it is meant as text"
			   : "a map; render it first if it is a template (\"{{ }}\"), or quote it if it "
			     "is meant as text");
		return false;
	}
	if (key->plain && str_eq(key->text, STR("<<"))) {
		REFUSE(reader, key->at, "merge keys (\"<<\") are not read; write the keys out");
		return false;
	}
	return true;
}

static void read_entries(struct tree_reader *reader, struct node *map, unsigned depth)
{
	struct node **end = &map->first;

	for (struct node *key; (key = read_child(reader, depth + 1));) {
		struct node *value = read_child(reader, depth + 1);
		if (!value)
			return; /* Nothing more can be read. */
		key->value = value;
		if (!check_key(reader, key))
			continue;
		if (value->type == NODE_SCALAR && value->plain && value->text.len == 0)
			/* A missing value has no location of its own; point at its key. */
			value->at = key->at;
		*end = key;
		end = &key->next;
		map->count++;
	}
}

static int by_text_then_location(const void *a, const void *b)
{
	const struct node *left = *(struct node *const *)a, *right = *(struct node *const *)b;
	int order = str_cmp(left->text, right->text);

	if (order == 0)
		order = (left->at.line > right->at.line) - (left->at.line < right->at.line);
	if (order == 0)
		order = (left->at.column > right->at.column) - (left->at.column < right->at.column);
	return order;
}

/*
 * Reports and removes duplicate keys. Sorts the keys to find them, because a malicious map can have
 * 100,000 keys.
 */
static void drop_twins(struct tree_reader *reader, struct node *map)
{
	uint32_t count = 0;

	if (map->count <= 1)
		return;
	struct node **keys = reallocarray(NULL, map->count, sizeof *keys);
	if (!keys) {
		run_out(reader);
		return;
	}
	for (struct node *key = map->first; key; key = key->next)
		keys[count++] = key;
	qsort(keys, count, sizeof *keys, by_text_then_location);
	const struct node *first = keys[0];
	/* "apiVersion" sorts before the other keys of a document. */
	bool reported_as_one = false;
	for (uint32_t i = 1; i < count; i++) {
		if (!str_eq(first->text, keys[i]->text)) {
			first = keys[i];
			continue;
		}
		keys[i]->bad = true;
		if (reported_as_one)
			continue;
		int shown = first->text.len > 80 ? 80 : (int)first->text.len;
		if (str_eq(first->text, STR("apiVersion"))) {
			REFUSE(reader, keys[i]->at, "a second document begins here; put a line \"---\" before it");
			reported_as_one = true;
			continue;
		}
		REFUSE(reader, keys[i]->at, "the key \"%.*s\" is given twice; the first is at %.*s:%u:%u", shown,
		       first->text.ptr, STR_ARG(reader->source->path), (unsigned)first->at.line,
		       (unsigned)first->at.column);
	}
	free(keys);
	map->count = 0;
	for (struct node **link = &map->first; *link;) {
		if ((*link)->bad) {
			*link = (*link)->next;
			continue;
		}
		map->count++;
		link = &(*link)->next;
	}
}

static struct node *read_collection(struct tree_reader *reader, const yaml_event_t *event, unsigned depth)
{
	bool list = event->type == YAML_SEQUENCE_START_EVENT;
	struct node *node = new_node(reader, list ? NODE_LIST : NODE_MAP, event);

	if (!node)
		return NULL;
	unsigned most = reader->lenient ? TREE_LENIENT_DEPTH_MAX : TREE_DEPTH_MAX;
	if (depth >= most) {
		REPORT(reader, node->at, "lists and maps are nested deeper than %u here", most);
		reader->over = true;
		return NULL;
	}
	if (list) {
		node->flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
		refuse_marks(reader, node, event->data.sequence_start.anchor, event->data.sequence_start.tag);
		read_items(reader, node, depth);
		return node;
	}
	node->flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	refuse_marks(reader, node, event->data.mapping_start.anchor, event->data.mapping_start.tag);
	read_entries(reader, node, depth);
	drop_twins(reader, node);
	if (!node->flow && node->first)
		/* A block map begins with its first key. */
		node->at = node->first->at;
	return node;
}

static struct node *read_node(struct tree_reader *reader, const yaml_event_t *event, unsigned depth)
{
	if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT)
		return read_collection(reader, event, depth);
	struct node *node = new_node(reader, NODE_SCALAR, event);
	if (!node)
		return NULL;
	if (event->type == YAML_ALIAS_EVENT) {
		REFUSE(reader, node->at, "aliases (\"*\") are not read; write the value out, or quote it");
		node->text = (struct str){"", 0};
		node->bad = true;
		return node;
	}
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = keep_text(reader, event);
	refuse_marks(reader, node, event->data.scalar.anchor, event->data.scalar.tag);
	if (!reader->lenient && memchr(event->data.scalar.value, '\0', event->data.scalar.length)) {
		REPORT(reader, node->at,
		       "a text cannot have a NUL (\"\\0\"), which would hide what follows it; remove it");
		node->bad = true;
	}
	return node;
}

/*
 * Parses on after a document that is only a scalar. If a syntax error follows, its message helps
 * more than "a document must be a map".
 */
static void check_end(struct tree_reader *reader)
{
	yaml_event_t event;

	if (next_event(reader, &event))
		yaml_event_delete(&event);
}

struct node *tree_next(struct tree_reader *reader, struct arena *nodes, struct arena *texts)
{
	struct node *root = NULL;
	yaml_event_t event;

	reader->nodes = nodes;
	reader->texts = texts;
	reader->gaps = false;
	while (!root && next_event(reader, &event)) {
		switch (event.type) {
		case YAML_STREAM_END_EVENT:
			reader->over = true;
			break;
		case YAML_SCALAR_EVENT:
		case YAML_ALIAS_EVENT:
		case YAML_SEQUENCE_START_EVENT:
		case YAML_MAPPING_START_EVENT:
			root = read_node(reader, &event, 0);
			if (root && root->type == NODE_SCALAR)
				check_end(reader);
			break;
		default: /* The start of the stream, or the start or end of a document. */
			break;
		}
		yaml_event_delete(&event);
	}
	/* Do not decode a truncated tree: its missing parts would be reported as missing keys. */
	return reader->over ? NULL : root;
}

bool tree_has_gaps(const struct tree_reader *reader)
{
	return reader->gaps;
}

static struct tree_reader *open_bytes(const struct docs *docs, uint32_t source, struct str bytes, struct report *report)
{
	struct tree_reader *reader = calloc(1, sizeof *reader);

	if (!reader)
		return NULL;
	if (!yaml_parser_initialize(&reader->parser)) {
		free(reader);
		return NULL;
	}
	reader->docs = docs;
	reader->index = source;
	reader->source = &docs->sources[source];
	reader->report = report;
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)bytes.ptr, bytes.len);
	return reader;
}

struct tree_reader *tree_open(const struct docs *docs, uint32_t source, struct report *report)
{
	return open_bytes(docs, source, docs->sources[source].bytes, report);
}

struct tree_reader *tree_open_lenient(const struct docs *docs, uint32_t source, struct report *report)
{
	struct tree_reader *reader = tree_open(docs, source, report);
	if (reader)
		reader->lenient = true;
	return reader;
}

/*
 * The parser gets the whole source with blanks instead of the other lines, so that every mark is
 * one of the whole source.
 */
struct tree_reader *tree_open_lines(const struct docs *docs, uint32_t source, uint32_t first, uint32_t end,
				    struct arena *copy, struct report *report)
{
	const struct source *whole = &docs->sources[source];
	size_t len = end <= whole->line_count ? whole->line_starts[end - 1] : whole->bytes.len;
	size_t from = first <= whole->line_count ? whole->line_starts[first - 1] : len;
	char *bytes = arena_alloc(copy, len + 1);

	if (!bytes)
		return NULL;
	/* Drop empty lines at the end: libyaml puts the end of a stream after the last line. */
	while (len > from && (whole->bytes.ptr[len - 1] == '\n' || whole->bytes.ptr[len - 1] == '\r'))
		len--;
	memcpy(bytes, whole->bytes.ptr, len);
	for (size_t i = 0; i < from && i < len;) {
		unsigned line_break = lines_break((struct str){bytes + i, len - i});
		if (line_break == 0)
			bytes[i] = ' ';
		i += line_break ? line_break : 1;
	}
	return open_bytes(docs, source, (struct str){bytes, len}, report);
}

void tree_close(struct tree_reader *reader)
{
	if (!reader)
		return;
	yaml_parser_delete(&reader->parser);
	free(reader);
}

const struct node *tree_only_map(struct tree_reader *reader, struct arena *nodes, struct arena *texts)
{
	const struct node *root = NULL;
	unsigned documents = 0;
	for (const struct node *next; reader && (next = tree_next(reader, nodes, texts));) {
		root = next;
		documents++;
	}
	tree_close(reader);
	return documents == 1 && root->type == NODE_MAP ? root : NULL;
}
