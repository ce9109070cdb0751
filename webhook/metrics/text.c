#include "webhook/metrics/text.h"

void metrics_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_label(struct buf *out, struct str value)
{
	buf_char(out, '"');
	for (size_t i = 0, start = 0; i <= value.len; i++) {
		bool end = i == value.len;
		char c = end ? '\0' : value.ptr[i];
		if (!end && c != '"' && c != '\\' && c != '\n')
			continue;
		buf_add(out, value.ptr + start, i - start);
		if (!end)
			buf_add(out, (char[]){'\\', c == '\n' ? 'n' : c}, 2);
		start = i + 1;
	}
	buf_char(out, '"');
}
