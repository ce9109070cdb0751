#include <stdio.h>

#include "gpugate/plain.h"
#include "webhook/json/error_byte.h"
#include "webhook/object/manifest.h"

/* The place in a file of JSON, in which nothing moves. */
static struct manifest_location location_in_json(const struct manifest *manifest, size_t offset)
{
	struct manifest_location location = {manifest->lines_before + 1, 1};
	const char *line = manifest->text.ptr, *end = line + offset;
	for (const char *p = line; (p = memchr(p, '\n', (size_t)(end - p)));) {
		line = ++p;
		location.line++;
	}
	for (; line < end; line++)
		/* Counts the first byte of each character. */
		location.column += ((unsigned char)*line & 0xc0) != 0x80;
	return location;
}

static struct manifest_location location_at(const struct manifest *manifest, size_t offset)
{
	if (!manifest->marks)
		return location_in_json(manifest, offset);
	uint32_t low = 0, high = manifest->mark_count; /* the mark is in [low, high) */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (manifest->marks[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return (struct manifest_location){manifest->marks[low].line, manifest->marks[low].column};
}

static uint32_t line_at(const struct manifest *manifest, size_t offset)
{
	return location_at(manifest, offset).line;
}

static size_t offset_of(const struct manifest *manifest, struct str json)
{
	return (size_t)(json.ptr - manifest->text.ptr);
}

uint32_t manifest_line(const struct manifest *manifest, const struct manifest_object *object, size_t byte)
{
	size_t begin = offset_of(manifest, object->json);
	return line_at(manifest, begin + (byte < object->json.len ? byte : object->json.len));
}

struct manifest_location manifest_location(const struct manifest *manifest, const char *at)
{
	return location_at(manifest, (size_t)(at - manifest->text.ptr));
}

int manifest_explain(const struct manifest *manifest, const struct manifest_object *object, struct error *err)
{
	size_t byte = error_take_byte(err);
	struct str kind = object->kind;
	struct manifest_location location = location_at(
	    manifest, offset_of(manifest, object->json) + (byte < object->json.len ? byte : object->json.len));
	char column[16] = "";
	err->line = location.line;
	err->column = manifest->exact ? location.column : 0;
	if (manifest->exact)
		snprintf(column, sizeof column, ":%u", location.column);
	if (str_present(object->name))
		error_wrap(err, "%.300s:%u%s: %.*s \"%.*s\"", manifest->file, location.line, column,
			   (int)(kind.len < 64 ? kind.len : 64), kind.ptr,
			   (int)(object->name.len < 64 ? object->name.len : 64), object->name.ptr);
	else
		error_wrap(err, "%.300s:%u%s", manifest->file, location.line, column);
	plain_mask(err->text, strlen(err->text));
	return -1;
}
