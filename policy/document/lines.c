#include "policy/document/lines.h"

/* These are the line breaks of YAML 1.1, by which libyaml counts lines. */
unsigned lines_break(struct str s)
{
	if (s.ptr[0] == '\n')
		return 1;
	if (s.ptr[0] == '\r')
		return s.len > 1 && s.ptr[1] == '\n' ? 2 : 1;
	if (str_starts(s, STR("\xc2\x85")))
		return 2;
	if (str_starts(s, STR("\xe2\x80\xa8")) || str_starts(s, STR("\xe2\x80\xa9")))
		return 3;
	return 0;
}

uint32_t lines_split(struct str bytes, uint32_t *starts)
{
	uint32_t count = 1;

	if (starts)
		starts[0] = 0;
	for (size_t at = 0; at < bytes.len;) {
		unsigned len = lines_break(str_tail(bytes, at));
		at += len ? len : 1;
		if (len == 0)
			continue;
		if (starts)
			starts[count] = (uint32_t)at;
		count++;
	}
	return count;
}

struct str source_line(const struct source *source, uint32_t line)
{
	if (line == 0 || line > source->line_count || !source->line_starts)
		return (struct str){"", 0};
	size_t start = source->line_starts[line - 1];
	size_t end = line < source->line_count ? source->line_starts[line] : source->bytes.len;
	struct str s = {source->bytes.ptr + start, end - start};

	if (line == source->line_count)
		return s;
	if (s.len >= 3 && s.ptr[s.len - 3] == '\xe2')
		s.len -= 3;
	else if (s.len >= 2 && (s.ptr[s.len - 2] == '\xc2' || s.ptr[s.len - 2] == '\r'))
		s.len -= 2;
	else
		s.len -= 1;
	return s;
}
