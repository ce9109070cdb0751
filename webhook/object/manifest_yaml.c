#include "webhook/object/manifest_yaml.h"

#include <yaml.h>

#include "gpugate/plain.h"
#include "gpugate/vec.h"
#include "webhook/json/write.h"
#include "webhook/object/manifest_own.h"

#define MARKS_MIN 256 /* Lines for which room is made at first. */

struct level {
	bool is_map;
	bool has_key; /* A key has been written, and its value is next. */
	bool some;    /* The map or list has an item. */
};

struct converter {
	yaml_parser_t parser;
	struct manifest *manifest;
	struct error *err;
	unsigned depth;
	struct level levels[MANIFEST_DEPTH_MAX];
};

static int refuse_at(const struct converter *c, yaml_mark_t mark, const char *problem)
{
	return error_set(c->err, "%.300s:%zu:%zu: %s", c->manifest->file, mark.line + 1, mark.column + 1, problem);
}

static int refuse(const struct converter *c, const yaml_event_t *event, const char *problem)
{
	return refuse_at(c, event->start_mark, problem);
}

/* libyaml reports no line for invalid bytes. */
static int syntax_error(const struct converter *c)
{
	const yaml_parser_t *parser = &c->parser;
	const char *problem = parser->problem ? parser->problem : "this cannot be read";
	char text[400];
	if (parser->error == YAML_MEMORY_ERROR)
		return error_set(c->err, "%.300s: there is not enough memory", c->manifest->file);
	if (parser->error == YAML_READER_ERROR)
		return error_set(c->err, "%.300s: byte %zu: %s; save the file as UTF-8 text", c->manifest->file,
				 parser->problem_offset + 1, problem);
	snprintf(text, sizeof text, "this is not YAML: %s", problem);
	return refuse_at(c, parser->problem_mark, text);
}

/* Records that what is written next comes from this line. */
static int mark(struct converter *c, const yaml_event_t *event)
{
	struct manifest *manifest = c->manifest;
	uint32_t line = (uint32_t)event->start_mark.line + 1;
	if (!manifest->exact && manifest->mark_count && manifest->marks[manifest->mark_count - 1].line == line)
		return 0;
	struct manifest_mark *marks =
	    vec_room(manifest->marks, manifest->mark_count, &manifest->mark_size, MARKS_MIN, sizeof *marks);
	if (!marks)
		return error_set(c->err, "%.300s: there is not enough memory", manifest->file);
	manifest->marks = marks;
	manifest->marks[manifest->mark_count++] = (struct manifest_mark){
	    .offset = (uint32_t)manifest->text.len, .line = line, .column = (uint32_t)event->start_mark.column + 1};
	return 0;
}

/*
 * Writes what separates a key or a value from what precedes it. Returns 1 for a key, 0 for a value,
 * or -1 on failure.
 */
static int separate(struct converter *c, const yaml_event_t *event)
{
	struct buf *out = &c->manifest->text;
	struct level *level = c->depth ? &c->levels[c->depth - 1] : NULL;
	bool is_key = level && level->is_map && !level->has_key;
	if (level && !is_key && level->is_map)
		buf_char(out, ':');
	else if (level && level->some)
		buf_char(out, ',');
	if (level) {
		level->some = true;
		level->has_key = is_key;
	}
	return mark(c, event) < 0 ? -1 : is_key;
}

static bool is_plain(const yaml_event_t *event)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Writes a text. A NUL, which no Kubernetes object needs, would hide the rest in messages. */
static void write_text(struct converter *c, struct str text)
{
	char *copy = str_has_char(text, '\0') ? malloc(text.len * PLAIN_GROWTH) : NULL;
	if (copy)
		text = (struct str){copy, plain_show_nul(text, copy)};
	json_write_string(&c->manifest->text, text);
	free(copy);
}

static int write_key(struct converter *c, const yaml_event_t *event, struct str text)
{
	if (is_plain(event) && str_eq(text, STR("<<")))
		return refuse(c, event, "merge keys (\"<<\") are not read; write the keys out");
	write_text(c, text);
	return 0;
}

static int write_value(struct converter *c, const yaml_event_t *event, struct str text)
{
	enum plain_type type = is_plain(event) ? manifest_plain(text, &c->manifest->text) : PLAIN_STRING;
	if (type == PLAIN_NO_JSON)
		return refuse(c, event, "Kubernetes has no such number; quote it if it is meant as text");
	if (type == PLAIN_STRING)
		write_text(c, text);
	return 0;
}

static int check_own(const struct converter *c, const yaml_event_t *event, struct str text)
{
	const struct level *level = c->depth ? &c->levels[c->depth - 1] : NULL;
	char buffer[200];
	const char *problem = manifest_own_problem(text, is_plain(event), level && level->is_map && !level->has_key,
						   buffer, sizeof buffer);
	return problem ? refuse(c, event, problem) : 0;
}

static int on_scalar(struct converter *c, const yaml_event_t *event)
{
	struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	if (c->manifest->own && check_own(c, event, text) < 0)
		return -1;
	int is_key = separate(c, event);
	return is_key < 0 ? -1 : is_key ? write_key(c, event, text) : write_value(c, event, text);
}

static int on_begin(struct converter *c, const yaml_event_t *event, bool is_map)
{
	int is_key = separate(c, event);
	if (is_key < 0)
		return -1;
	if (is_key)
		return refuse(c, event, "a key must be a text; render the file first if it is a template (\"{{ }}\")");
	if (c->depth == MANIFEST_DEPTH_MAX)
		return refuse(c, event, "lists and maps are nested too deep here; no Kubernetes object is");
	c->levels[c->depth++] = (struct level){.is_map = is_map};
	buf_char(&c->manifest->text, is_map ? '{' : '[');
	return 0;
}

static int on_end(struct converter *c)
{
	buf_char(&c->manifest->text, c->levels[--c->depth].is_map ? '}' : ']');
	return 0;
}

static int check_marks(const struct converter *c, const yaml_event_t *event, const yaml_char_t *anchor,
		       const yaml_char_t *tag)
{
	if (anchor)
		return refuse(c, event,
			      "anchors (\"&\") are not read; write the values out, or quote it if it is meant as text");
	return tag ? refuse(c, event, "tags (\"!\") are not read; remove it, or quote it if it is meant as text") : 0;
}

static int on_event(struct converter *c, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return refuse(c, event,
			      "aliases (\"*\") are not read; write the value out, or quote it if it is meant as text");
	case YAML_SCALAR_EVENT:
		return check_marks(c, event, event->data.scalar.anchor, event->data.scalar.tag) < 0
			   ? -1
			   : on_scalar(c, event);
	case YAML_SEQUENCE_START_EVENT:
		return check_marks(c, event, event->data.sequence_start.anchor, event->data.sequence_start.tag) < 0
			   ? -1
			   : on_begin(c, event, false);
	case YAML_MAPPING_START_EVENT:
		return check_marks(c, event, event->data.mapping_start.anchor, event->data.mapping_start.tag) < 0
			   ? -1
			   : on_begin(c, event, true);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(c);
	default: /* The beginning or end of the stream or of a document. */
		return 0;
	}
}

/* Converts one document whose start has been read. */
static int convert_document(struct converter *c, int (*document)(struct manifest *, size_t, size_t))
{
	struct manifest *manifest = c->manifest;
	size_t begin = manifest->text.len;
	for (bool over = false; !over;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&c->parser, &event))
			return syntax_error(c);
		over = event.type == YAML_DOCUMENT_END_EVENT;
		int failed = on_event(c, &event);
		yaml_event_delete(&event);
		if (failed)
			return -1;
	}
	if (manifest->text.failed)
		return error_set(c->err, "%.300s: the file is too large; split it", manifest->file);
	struct str json = str_tail(buf_view(&manifest->text), begin);
	if (!str_eq(json, STR("null")))
		return document(manifest, begin, manifest->text.len);
	manifest->text.len = begin;
	return 0;
}

static int convert_stream(struct converter *c, int (*document)(struct manifest *, size_t, size_t))
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&c->parser, &event))
			return syntax_error(c);
		yaml_event_type_t type = event.type;
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			return 0;
		int failed = type == YAML_DOCUMENT_START_EVENT ? convert_document(c, document) : 0;
		if (failed)
			return failed;
	}
}

int manifest_yaml(struct manifest *manifest, struct str bytes, int (*document)(struct manifest *, size_t, size_t),
		  struct error *err)
{
	struct converter c = {.manifest = manifest, .err = err};
	if (!yaml_parser_initialize(&c.parser))
		return error_set(err, "%.300s: there is not enough memory", manifest->file);
	yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&c.parser, (const unsigned char *)bytes.ptr, bytes.len);
	int result = convert_stream(&c, document);
	yaml_parser_delete(&c.parser);
	return result;
}

int manifest_refuse_template(const struct manifest *manifest, struct str before, struct error *err)
{
	unsigned line = 1;
	for (size_t i = 0; i < before.len; i++)
		line += before.ptr[i] == '\n';
	return error_set(err, "%.300s:%u: this is a template (\"{{ }}\"), not YAML or JSON; render the file first",
			 manifest->file, line);
}
