#include "webhook/json/copy.h"

/* Appends a valid JSON text without the white space between its tokens. */
static void append_compact(struct buf *out, struct str text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	while (at < end) {
		const char *from = at;
		while (at < end && !scan_is_blank(*at) && *at != '"')
			at++;
		if (at < end && *at == '"') {
			for (at++; at < end && *at != '"'; at++)
				at += *at == '\\';
			at += at < end;
		}
		buf_add(out, from, (size_t)(at - from));
		while (at < end && scan_is_blank(*at))
			at++;
	}
}

void copy_separator(struct json_copy *copy)
{
	const struct buf *out = copy->out;
	char last = out->len ? out->ptr[out->len - 1] : '{';
	if (last != '{' && last != '[')
		buf_char(copy->out, ',');
}

void copy_key(struct json_copy *copy, const struct field *field)
{
	copy_separator(copy);
	buf_char(copy->out, '"');
	buf_add(copy->out, field->key, field->key_len);
	buf_text(copy->out, "\":");
}

int copy_any(struct reader *reader, struct json_copy *copy)
{
	scan_peek(&reader->scan);
	const char *from = reader->scan.at;
	if (scan_skip(&reader->scan) < 0)
		return -1;
	append_compact(copy->out, (struct str){from, (size_t)(reader->scan.at - from)});
	return 0;
}

int copy_value(struct reader *reader, const struct field *field, void *target)
{
	copy_key(target, field);
	return copy_any(reader, target);
}

static int object(struct reader *reader, const struct field *field, struct json_copy *copy)
{
	buf_char(copy->out, '{');
	if (reader_object(reader, field->shape, copy) < 0)
		return -1;
	buf_char(copy->out, '}');
	return 0;
}

int copy_object(struct reader *reader, const struct field *field, void *target)
{
	copy_key(target, field);
	return object(reader, field, target);
}

int copy_members(struct reader *reader, const struct field *field, void *target)
{
	return reader_object(reader, field->shape, target);
}

int copy_list_by(struct reader *reader, const struct field *field, struct json_copy *copy,
		 int (*item)(struct reader *reader, const struct field *field, struct json_copy *copy))
{
	struct scan *scan = &reader->scan;
	uint32_t index = 0;
	int more;
	if (scan_peek(scan) != '[')
		return scan_expected(scan, "an array");
	if (scan_open(scan) < 0)
		return -1;
	copy_key(copy, field);
	buf_char(copy->out, '[');
	for (; (more = scan_element(scan, index == 0)) > 0; index++) {
		copy_separator(copy);
		int result = scan_peek(scan) == 'n' ? copy_any(reader, copy) : item(reader, field, copy);
		if (result < 0) {
			reader_at_index(reader, index);
			return -1;
		}
	}
	buf_char(copy->out, ']');
	return more;
}

int copy_list(struct reader *reader, const struct field *field, void *target)
{
	return copy_list_by(reader, field, target, object);
}
