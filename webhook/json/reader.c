#include "webhook/json/reader.h"

#include <stdio.h>

void reader_init(struct reader *reader, const char *bytes, size_t len, struct arena *arena)
{
	scan_init(&reader->scan, bytes, len);
	reader->arena = arena;
	reader->path_at = sizeof reader->path;
}

/* A longer path is cut. That does not occur, because the tables are shallow and keys are cut. */
static void path_prepend(struct reader *reader, const char *text, size_t len)
{
	if (len > reader->path_at)
		return;
	reader->path_at -= len;
	memcpy(reader->path + reader->path_at, text, len);
}

static void path_prepend_key(struct reader *reader, struct str key)
{
	char text[READER_KEY_MAX];
	size_t len = key.len < READER_KEY_MAX ? key.len : READER_KEY_MAX;
	for (size_t i = 0; i < len; i++)
		text[i] = key.ptr[i] >= ' ' && key.ptr[i] < 0x7f ? key.ptr[i] : '?';
	path_prepend(reader, text, len);
}

/* An index follows without a dot, another key with one. */
static void path_prepend_dot(struct reader *reader)
{
	if (reader->path_at < sizeof reader->path && reader->path[reader->path_at] != '[')
		path_prepend(reader, ".", 1);
}

void reader_at_key(struct reader *reader, struct str key)
{
	path_prepend_dot(reader);
	path_prepend_key(reader, key);
}

void reader_at_entry(struct reader *reader, struct str key)
{
	path_prepend(reader, "\"]", 2);
	path_prepend_key(reader, key);
	path_prepend(reader, "[\"", 2);
}

void reader_at_index(struct reader *reader, uint32_t index)
{
	char text[16];
	int len = snprintf(text, sizeof text, "[%u]", index);
	path_prepend_dot(reader);
	path_prepend(reader, text, (size_t)len);
}

int reader_error(struct reader *reader, struct error *err)
{
	int len = (int)(sizeof reader->path - reader->path_at);
	size_t byte = (size_t)(reader->scan.at - reader->scan.begin);
	if (len == 0)
		return error_set(err, "%s (byte %zu)", reader->scan.fault, byte);
	return error_set(err, "%.*s: %s (byte %zu)", len, reader->path + reader->path_at, reader->scan.fault, byte);
}

int reader_no_memory(struct reader *reader)
{
	return scan_fail(&reader->scan, reader->scan.at, "the review needs more memory than allowed");
}
