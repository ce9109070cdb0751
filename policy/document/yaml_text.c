#include "policy/document/yaml_text.h"

#include "gpugate/plain.h"

static struct str copy_text(struct str text, struct arena *texts)
{
	if (!str_has_char(text, '\0'))
		return arena_str(texts, text);
	char *copy = arena_alloc(texts, text.len * PLAIN_GROWTH);
	return copy ? (struct str){copy, plain_show_nul(text, copy)} : (struct str){NULL, 0};
}

struct str yaml_text(const struct source *source, const yaml_event_t *event, struct arena *texts)
{
	struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	size_t line = event->start_mark.line;

	if (text.len == 0)
		return (struct str){"", 0};
	if (line < source->line_count) {
		size_t at = source->line_starts[line] + event->start_mark.column;
		at += event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		if (at <= source->bytes.len && str_starts(str_tail(source->bytes, at), text))
			return (struct str){source->bytes.ptr + at, text.len};
	}
	return copy_text(text, texts);
}
