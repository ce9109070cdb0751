#include "webhook/object/manifest.h"

#include "gpugate/plain.h"
#include "gpugate/vec.h"
#include "webhook/json/field.h"
#include "webhook/object/manifest_own.h"
#include "webhook/object/manifest_yaml.h"

#define TEXT_MAX ((size_t)1 << 30) /* Of the JSON. Offsets must fit into 32 bits. */
#define ITEMS_MIN 64               /* Objects for which room is made at first. */
#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)1 << 30)

/* The identity of an object; for a list, its items as well. */
struct identity {
	struct str api_version, kind;
	struct str name, generate_name, namespace;
	struct str *items; /* The JSON of each. */
	uint32_t item_count, item_size;
	bool has_items;
};

static int add_item(struct reader *reader, struct identity *identity, struct str json)
{
	struct str *items = vec_room_in(reader->arena, identity->items, identity->item_count, &identity->item_size,
					ITEMS_MIN, sizeof *items);
	if (!items)
		return reader_no_memory(reader);
	identity->items = items;
	identity->items[identity->item_count++] = json;
	return 0;
}

/* In an object that is not a list, `items` may have any type. */
static int read_items(struct reader *reader, const struct field *field, void *target)
{
	struct identity *identity = target;
	struct scan *scan = &reader->scan;
	(void)field;
	if (scan_peek(scan) != '[')
		return scan_skip(scan);
	identity->has_items = true;
	if (scan_open(scan) < 0)
		return -1;
	int more;
	for (bool first = true; (more = scan_element(scan, first)) > 0; first = false) {
		scan_peek(scan);
		const char *begin = scan->at;
		if (scan_skip(scan) < 0 ||
		    add_item(reader, identity, (struct str){begin, (size_t)(scan->at - begin)}) < 0) {
			reader_at_index(reader, identity->item_count);
			return -1;
		}
	}
	return more;
}

static const struct field metadata_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct identity, name)},
    {FIELD_KEY("generateName"), .read = field_string, .offset = offsetof(struct identity, generate_name)},
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct identity, namespace)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape metadata_shape = SHAPE(metadata_fields, 0);

static const struct field identity_fields[] = {
    {FIELD_KEY("kind"), .read = field_string, .offset = offsetof(struct identity, kind)},
    {FIELD_KEY("apiVersion"), .read = field_string, .offset = offsetof(struct identity, api_version)},
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape},
    {FIELD_KEY("items"), .read = read_items},
};
static const struct shape identity_shape = SHAPE(identity_fields, 0);

/* --- Lines --- */

/* The place in a file of JSON, which is kept as it is. */
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

/* Takes "(byte N)" off the end of a reader's sentence. Returns N, or 0. */
static size_t take_byte(struct error *err)
{
	char *at = strrchr(err->text, '(');
	size_t byte = 0;
	if (!at || sscanf(at, "(byte %zu)", &byte) != 1)
		return 0;
	*at = '\0';
	if (at > err->text && at[-1] == ' ')
		at[-1] = '\0';
	return byte;
}

int manifest_explain(const struct manifest *manifest, const struct manifest_object *object, struct error *err)
{
	size_t byte = take_byte(err);
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

/* --- Objects --- */

static int no_memory(const struct manifest *manifest, struct error *err)
{
	return error_set(err, "%.300s: there is not enough memory", manifest->file);
}

static struct manifest_object describe(struct str json, const struct identity *identity)
{
	return (struct manifest_object){.json = json,
					.api_version = identity->api_version,
					.kind = identity->kind,
					.name = identity->name.len ? identity->name : identity->generate_name,
					.namespace = identity->namespace};
}

static int add_object(struct manifest *manifest, struct str json, const struct identity *identity, struct error *err)
{
	struct manifest_object *objects =
	    vec_room(manifest->objects, manifest->count, &manifest->size, ITEMS_MIN, sizeof *objects);
	if (!objects)
		return no_memory(manifest, err);
	manifest->objects = objects;
	manifest->objects[manifest->count++] = describe(json, identity);
	return 0;
}

static int read_identity(struct manifest *manifest, struct str json, struct identity *identity, struct error *err)
{
	struct reader reader;
	const struct manifest_object unknown = {.json = json};
	*identity = (struct identity){0};
	reader_init(&reader, json.ptr, json.len, &manifest->arena);
	if (reader_object(&reader, &identity_shape, identity) == 0 && scan_finish(&reader.scan) == 0)
		return 0;
	reader_error(&reader, err);
	return manifest_explain(manifest, &unknown, err);
}

int manifest_describe(struct manifest *manifest, struct str json, struct manifest_object *object, struct error *err)
{
	struct identity identity;
	if (read_identity(manifest, json, &identity, err) < 0)
		return -1;
	*object = describe(json, &identity);
	object->line = line_at(manifest, offset_of(manifest, json));
	return 0;
}

static bool is_list(const struct identity *identity)
{
	return identity->has_items && str_ends(identity->kind, STR("List"));
}

/* Whether some items are no objects, of a kind of another group than the core one. */
static bool has_other_items(const struct identity *identity)
{
	bool other = false;
	for (uint32_t i = 0; i < identity->item_count; i++)
		other |= !str_starts(identity->items[i], STR("{"));
	return other && str_has_char(identity->api_version, '/');
}

/* What is read next: a document of the file, or an item of lists within each other. */
struct nested {
	struct str json;
	struct str kind, api_version; /* Of an item without a kind, as in a typed list. */
	unsigned depth;               /* Of the lists around it. */
};

static int read_nested(struct manifest *manifest, const struct nested *nested, struct error *err)
{
	struct identity identity;
	const struct manifest_object unknown = {.json = nested->json};
	if (read_identity(manifest, nested->json, &identity, err) < 0)
		return -1;
	if (!str_present(identity.kind) && nested->kind.len) {
		identity.kind = nested->kind;
		identity.api_version = nested->api_version;
	}
	bool no_list = is_list(&identity) && has_other_items(&identity);
	if (!is_list(&identity) || no_list) {
		int result = add_object(manifest, nested->json, &identity, err);
		if (result == 0)
			manifest->objects[manifest->count - 1].no_list = no_list;
		return result;
	}
	if (nested->depth == MANIFEST_LISTS_MAX) {
		error_set(err, "more than %d lists are within each other here; write the items into the outer list",
			  MANIFEST_LISTS_MAX);
		return manifest_explain(manifest, &unknown, err);
	}
	struct nested item = {.kind = {identity.kind.ptr, identity.kind.len - strlen("List")},
			      .api_version = identity.api_version,
			      .depth = nested->depth + 1};
	for (uint32_t i = 0; i < identity.item_count; i++) {
		item.json = identity.items[i];
		if (read_nested(manifest, &item, err) < 0)
			return -1;
	}
	return 0;
}

/* --- Documents --- */

/* The offsets of a document. The text may move while it grows, so pointers would not be stable. */
struct span {
	size_t begin, end;
};

static int note_document(struct manifest *manifest, size_t begin, size_t end)
{
	struct buf *documents = &manifest->documents;
	const struct span span = {begin, end};
	buf_add(documents, &span, sizeof span);
	return 0;
}

static int refuse_json(const struct manifest *manifest, const struct scan *scan, struct error *err)
{
	return error_set(err, "%.300s:%u: this is not JSON: %s", manifest->file,
			 line_at(manifest, (size_t)(scan->at - scan->begin)), scan->fault);
}

/* Splits a sequence of JSON values. Reports invalid JSON. */
static int find_values(struct manifest *manifest, struct error *err)
{
	struct scan scan;
	scan_init(&scan, manifest->text.ptr, manifest->text.len);
	while (scan_peek(&scan)) {
		size_t begin = (size_t)(scan.at - scan.begin);
		if (scan_skip(&scan) < 0)
			return refuse_json(manifest, &scan, err);
		note_document(manifest, begin, (size_t)(scan.at - scan.begin));
	}
	if (scan_finish(&scan) < 0)
		return refuse_json(manifest, &scan, err);
	const char *nul = manifest->own ? manifest_own_nul(buf_view(&manifest->text)) : NULL;
	if (!nul)
		return 0;
	struct manifest_location place = manifest_location(manifest, nul);
	return error_set(err, "%.300s:%u:%u: " MANIFEST_OWN_NUL, manifest->file, place.line, place.column);
}

/* From the first character on that is not blank. */
static struct str skip_blanks(struct str bytes)
{
	size_t at = 0;
	while (at < bytes.len && scan_is_blank(bytes.ptr[at]))
		at++;
	return str_tail(bytes, at);
}

static int find_documents(struct manifest *manifest, struct str bytes, struct error *err)
{
	static const char padding[REVIEW_PADDING];
	struct str begin = skip_blanks(bytes);
	bool json = str_starts(begin, STR("{"));
	if (str_starts(begin, STR("{{")))
		return manifest_refuse_template(manifest, (struct str){bytes.ptr, bytes.len - begin.len}, err);
	if (json)
		buf_str(&manifest->text, bytes);
	else if (manifest_yaml(manifest, bytes, note_document, err) < 0)
		return -1;
	size_t len = manifest->text.len;
	buf_add(&manifest->text, padding, sizeof padding);
	if (manifest->text.failed)
		return no_memory(manifest, err);
	manifest->text.len = len;
	return json ? find_values(manifest, err) : 0;
}

static int read_documents(struct manifest *manifest, struct error *err)
{
	const struct span *spans = (const struct span *)(const void *)manifest->documents.ptr;
	size_t count = manifest->documents.len / sizeof *spans;
	if (manifest->documents.failed)
		return no_memory(manifest, err);
	for (size_t i = 0; i < count; i++) {
		const struct nested document = {
		    .json = {manifest->text.ptr + spans[i].begin, spans[i].end - spans[i].begin}};
		if (read_nested(manifest, &document, err) < 0)
			return -1;
	}
	/* Objects are in the order of the file, so each line of JSON is counted only once. */
	const struct str text = buf_view(&manifest->text);
	size_t offset = 0;
	uint32_t line = manifest->lines_before + 1;
	for (uint32_t i = 0; i < manifest->count; i++) {
		struct manifest_object *object = &manifest->objects[i];
		size_t next = offset_of(manifest, object->json);
		for (; !manifest->marks && offset < next && offset < text.len; offset++)
			line += text.ptr[offset] == '\n';
		object->line = manifest->marks ? line_at(manifest, next) : line;
	}
	return 0;
}

static int read_file(struct manifest *manifest, struct str bytes, struct error *err)
{
	const char *file = manifest->file;
	buf_init(&manifest->text, TEXT_MAX);
	buf_init(&manifest->documents, TEXT_MAX);
	arena_init(&manifest->arena, ARENA_CHUNK, ARENA_MAX);
	int result = bytes.len > MANIFEST_BYTES_MAX
			 ? error_set(err, "%.300s: is larger than %zu MiB; split it", file, MANIFEST_BYTES_MAX >> 20)
			 : find_documents(manifest, bytes, err);
	if (result == 0)
		result = read_documents(manifest, err);
	buf_release(&manifest->documents);
	if (result < 0)
		manifest_release(manifest);
	return result;
}

int manifest_read(struct manifest *manifest, const char *file, struct str bytes, struct error *err)
{
	*manifest = (struct manifest){.file = file};
	return read_file(manifest, bytes, err);
}

int manifest_read_exact(struct manifest *manifest, const char *file, struct str bytes, struct error *err)
{
	*manifest = (struct manifest){.file = file, .exact = true};
	return read_file(manifest, bytes, err);
}

int manifest_read_own(struct manifest *manifest, const char *file, struct str bytes, struct error *err)
{
	*manifest = (struct manifest){.file = file, .exact = true, .own = true};
	return read_file(manifest, bytes, err);
}

int manifest_read_part(struct manifest *manifest, const char *file, uint32_t lines_before, struct str bytes,
		       struct error *err)
{
	*manifest = (struct manifest){.file = file, .lines_before = lines_before};
	return read_file(manifest, bytes, err);
}

void manifest_release(struct manifest *manifest)
{
	buf_release(&manifest->text);
	buf_release(&manifest->documents);
	arena_release(&manifest->arena);
	free(manifest->objects);
	free(manifest->marks);
	*manifest = (struct manifest){0};
}
