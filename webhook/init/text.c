#include "webhook/init/text.h"

#include "gpugate/plain.h"
#include "webhook/json/yaml.h"

#define COMMENT_BYTES_MAX 4096

/* Appends the words up to the last one that fits into `room` columns, and returns what is left. */
static const char *put_line(struct buf *out, const char *text, size_t room)
{
	size_t len = strlen(text), cut = len;
	if (len > room) {
		cut = room;
		while (cut > 0 && text[cut] != ' ')
			cut--;
		if (cut == 0) /* One long word. */
			cut = strcspn(text, " ");
	}
	buf_add(out, text, cut);
	text += cut;
	return text + strspn(text, " ");
}

void text_comment(struct buf *out, unsigned indent, const char *format, ...)
{
	char text[COMMENT_BYTES_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_trim(text);
	plain_mask(text, strlen(text));
	for (const char *rest = text; *rest;) {
		buf_printf(out, "%*s# ", (int)indent, "");
		rest = put_line(out, rest, TEXT_COLUMNS - indent - 2);
		buf_char(out, '\n');
	}
}

void text_document(struct buf *out, const char *kind, struct str name)
{
	buf_printf(out, "apiVersion: gpugate.io/v1\nkind: %s\nmetadata: {name: ", kind);
	yaml_scalar(out, name);
	buf_text(out, "}\nspec:\n");
}

void text_list(struct buf *out, const struct str *items, uint32_t count)
{
	buf_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_text(out, i ? ", " : "");
		yaml_scalar(out, items[i]);
	}
	buf_char(out, ']');
}
