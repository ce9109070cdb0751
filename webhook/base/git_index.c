#include "webhook/base/git_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 12
#define STAT_BYTES 40 /* Bytes of an entry before its object ID. */
#define MODE_AT 24    /* Offset of the mode in these bytes. */
#define FLAG_EXTENDED 0x4000
#define FLAG_STAGE 0x3000
#define FLAG_ABSENT 0x6000 /* Extended flags skip-worktree and intent-to-add. */
#define FOLDERS_DEEP_MAX 64

struct cursor {
	const unsigned char *at, *end;
	bool broken;
};

static size_t left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

/* Returns the next `bytes` bytes. If there are fewer, returns NULL and sets `broken`. */
static const unsigned char *take(struct cursor *cursor, size_t bytes)
{
	if (cursor->broken || left(cursor) < bytes) {
		cursor->broken = true;
		return NULL;
	}
	cursor->at += bytes;
	return cursor->at - bytes;
}

static uint32_t number32(const unsigned char *bytes)
{
	return bytes ? (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3] : 0;
}

static unsigned number16(const unsigned char *bytes)
{
	return bytes ? (unsigned)bytes[0] << 8 | bytes[1] : 0;
}

/*
 * Returns the next NUL-terminated string and skips its NUL. If there is none, returns NULL and sets
 * `broken`.
 */
static const char *take_text(struct cursor *cursor)
{
	const unsigned char *end = cursor->broken ? NULL : memchr(cursor->at, '\0', left(cursor));
	return end ? (const char *)take(cursor, (size_t)(end - cursor->at) + 1) : (const char *)take(cursor, SIZE_MAX);
}

/* ---- entries ---- */

/*
 * Reads how many bytes to drop from the end of the previous path in version 4. The number is
 * encoded like an offset in a pack file, seven bits per byte.
 */
static size_t take_varint(struct cursor *cursor)
{
	size_t value = 0;
	for (unsigned i = 0; i < 4; i++) {
		const unsigned char *byte = take(cursor, 1);
		if (!byte)
			return 0;
		value = (i ? (value + 1) << 7 : 0) | (*byte & 0x7f);
		if (!(*byte & 0x80))
			return value;
	}
	cursor->broken = true;
	return 0;
}

static void take_path(struct cursor *cursor, uint32_t version, const unsigned char *begin, char path[static PATH_MAX])
{
	size_t kept = version == 4 ? strlen(path) : 0, dropped = version == 4 ? take_varint(cursor) : 0;
	const char *text = take_text(cursor);
	cursor->broken |= dropped > kept || !text || kept - dropped + strlen(text) >= PATH_MAX;
	if (cursor->broken)
		return;
	memcpy(path + kept - dropped, text, strlen(text) + 1);
	/*
	 * Before version 4 an entry is padded with NULs, at least one, to a multiple of eight
	 * bytes.
	 */
	size_t bytes = (size_t)(cursor->at - begin);
	if (version < 4)
		take(cursor, (8 - bytes % 8) % 8);
}

static int read_entry(const struct git_index_reader *reader, struct cursor *cursor, uint32_t version,
		      char path[static PATH_MAX])
{
	struct git_entry entry = {.path = path};
	const unsigned char *begin = cursor->at, *status = take(cursor, STAT_BYTES);
	entry.id = take(cursor, reader->id_bytes);
	unsigned flags = number16(take(cursor, 2));
	unsigned more = flags & FLAG_EXTENDED && version > 2 ? number16(take(cursor, 2)) : 0;
	take_path(cursor, version, begin, path);
	if (cursor->broken)
		return -1;
	entry.path_len = strlen(path);
	entry.mode = number32(status + MODE_AT);
	entry.merging = flags & FLAG_STAGE;
	entry.absent = more & FLAG_ABSENT;
	return reader->entry(reader->context, &entry);
}

/* ---- extensions ---- */

/*
 * Reads a directory of the cached tree and, recursively, its subdirectories. `path` is the parent
 * directory; it is restored on return.
 */
static void read_folder(const struct git_index_reader *reader, struct cursor *cursor, char *path, unsigned depth)
{
	const char *name = take_text(cursor);
	const unsigned char *line = cursor->broken ? NULL : memchr(cursor->at, '\n', left(cursor));
	char counts[32] = "";
	long entries = -1, folders = 0;
	size_t len = strlen(path);
	if (line && (size_t)(line - cursor->at) < sizeof counts)
		memcpy(counts, cursor->at, (size_t)(line - cursor->at));
	cursor->broken |= !line || depth > FOLDERS_DEEP_MAX || sscanf(counts, "%ld %ld", &entries, &folders) != 2 ||
			  len + strlen(name) + 2 > PATH_MAX;
	if (cursor->broken)
		return;
	take(cursor, (size_t)(line - cursor->at) + 1);
	if (entries >= 0)
		take(cursor, reader->id_bytes);
	snprintf(path + len, PATH_MAX - len, "%s%s", len ? "/" : "", name);
	reader->folder(reader->context, path, entries >= 0);
	for (long i = 0; i < folders && !cursor->broken; i++)
		read_folder(reader, cursor, path, depth + 1);
	path[len] = '\0';
}

static void read_extensions(const struct git_index_reader *reader, struct cursor *cursor)
{
	while (!cursor->broken && left(cursor) > reader->id_bytes) {
		const unsigned char *name = take(cursor, 4);
		uint32_t bytes = number32(take(cursor, 4));
		const unsigned char *content = take(cursor, bytes);
		char path[PATH_MAX] = "";
		struct cursor inner = {content, content ? content + bytes : NULL, !content};
		if (content && memcmp(name, "TREE", 4) == 0)
			read_folder(reader, &inner, path, 0);
		/*
		 * An extension whose name begins with a lowercase letter must be understood. "link"
		 * and "sdir" mean that some entries are not in this file.
		 */
		cursor->broken |= inner.broken || (name && name[0] >= 'a');
	}
}

int git_index_read(const struct git_index_reader *reader, struct str index)
{
	struct cursor cursor = {(const unsigned char *)index.ptr, (const unsigned char *)index.ptr + index.len,
				!index.ptr};
	const unsigned char *header = take(&cursor, HEADER_BYTES);
	char path[PATH_MAX] = "";
	int result = 0;
	if (!header || memcmp(header, "DIRC", 4) != 0)
		return -1;
	uint32_t version = number32(header + 4), count = number32(header + 8);
	if (version < 2 || version > 4)
		return -1;
	for (uint32_t i = 0; i < count && result == 0; i++)
		result = read_entry(reader, &cursor, version, path);
	if (result != 0)
		return result;
	read_extensions(reader, &cursor);
	return cursor.broken ? -1 : 0;
}
