#include "webhook/json/yaml.h"

#include <strings.h>
#include <yaml.h>

#include "webhook/json/write.h"

#define FLOW_WIDTH 100

/* Words that YAML 1.1 or 1.2 readers take for booleans or null. */
static bool is_word(const char *text, size_t len)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "y", "n", "null", NULL};
	for (const char *const *word = words; *word; word++)
		if (strlen(*word) == len && strncasecmp(*word, text, len) == 0)
			return true;
	return false;
}

static bool only(const char *text, size_t len, const char *allowed)
{
	for (size_t i = 0; i < len; i++)
		if (!text[i] || !strchr(allowed, text[i]))
			return false;
	return true;
}

/*
 * A string is plain if it begins with a letter, has no character with a meaning in YAML, and is not
 * one of the words above. No number begins with a letter.
 */
static yaml_scalar_style_t style_of(const char *text, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./ ;()";
	if (memchr(text, '\n', len))
		return YAML_LITERAL_SCALAR_STYLE;
	if (len == 0 || !strchr(letters, *text) || !only(text, len, plain) || text[len - 1] == ' ' ||
	    is_word(text, len))
		return YAML_SINGLE_QUOTED_SCALAR_STYLE;
	return YAML_PLAIN_SCALAR_STYLE;
}

static int emit_text(yaml_emitter_t *emitter, const char *text, size_t len)
{
	yaml_event_t event;
	yaml_scalar_style_t style = style_of(text, len);
	return yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)(uintptr_t)text, (int)len,
					    style == YAML_PLAIN_SCALAR_STYLE, 1, style) &&
	       yaml_emitter_emit(emitter, &event);
}

/* Emits a number, boolean or null as JSON writes it. */
static int emit_word(yaml_emitter_t *emitter, const json_t *value)
{
	yaml_event_t event;
	char *text = json_dumps(value, JSON_ENCODE_ANY);
	int good = text && yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)text, (int)strlen(text), 1,
							0, YAML_PLAIN_SCALAR_STYLE);
	free(text);
	return good && yaml_emitter_emit(emitter, &event);
}

/* A short list of strings goes on one line. */
static yaml_sequence_style_t list_style(const json_t *list)
{
	size_t width = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (!json_is_string(item) || strchr(json_string_value(item), '\n'))
			return YAML_BLOCK_SEQUENCE_STYLE;
		width += json_string_length(item) + 2;
	}
	return width <= FLOW_WIDTH ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
}

static int emit(yaml_emitter_t *emitter, const json_t *value);

static int emit_list(yaml_emitter_t *emitter, const json_t *list)
{
	yaml_event_t event;
	int good = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, list_style(list)) &&
		   yaml_emitter_emit(emitter, &event);
	for (size_t i = 0; good && i < json_array_size(list); i++)
		good = emit(emitter, json_array_get(list, i));
	return good && yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static int emit_map(yaml_emitter_t *emitter, const json_t *map)
{
	yaml_event_t event;
	const char *key;
	json_t *value;
	int good = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE) &&
		   yaml_emitter_emit(emitter, &event);
	json_object_foreach((json_t *)(uintptr_t)map, key, value) good =
	    good && emit_text(emitter, key, strlen(key)) && emit(emitter, value);
	return good && yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

/* Recursion is as deep as the tree, which this program has built. */
static int emit(yaml_emitter_t *emitter, const json_t *value)
{
	if (json_is_object(value))
		return emit_map(emitter, value);
	if (json_is_array(value))
		return emit_list(emitter, value);
	if (json_is_string(value))
		return emit_text(emitter, json_string_value(value), json_string_length(value));
	return emit_word(emitter, value);
}

static int emit_document(yaml_emitter_t *emitter, const json_t *document)
{
	yaml_event_t event;
	return yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 0) &&
	       yaml_emitter_emit(emitter, &event) && emit(emitter, document) &&
	       yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(emitter, &event);
}

static int take_bytes(void *context, unsigned char *bytes, size_t len)
{
	struct buf *out = context;
	buf_add(out, bytes, len);
	return !out->failed;
}

int yaml_write(struct buf *out, const json_t *documents, struct error *err)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	if (!yaml_emitter_initialize(&emitter))
		return error_set(err, "not enough memory to write YAML");
	yaml_emitter_set_output(&emitter, take_bytes, out);
	yaml_emitter_set_width(&emitter, -1);
	yaml_emitter_set_unicode(&emitter, 1);
	int good =
	    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && yaml_emitter_emit(&emitter, &event);
	for (size_t i = 0; good && i < json_array_size(documents); i++)
		good = emit_document(&emitter, json_array_get(documents, i));
	good = good && yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(&emitter, &event) &&
	       yaml_emitter_flush(&emitter);
	const char *problem = emitter.problem ? emitter.problem : "not enough memory";
	if (!good)
		error_set(err, "YAML cannot be written: %s", problem);
	yaml_emitter_delete(&emitter);
	return good ? 0 : -1;
}

void yaml_scalar(struct buf *out, struct str text)
{
	if (style_of(text.ptr, text.len) == YAML_PLAIN_SCALAR_STYLE)
		buf_str(out, text);
	else
		json_write_string(out, text);
}
