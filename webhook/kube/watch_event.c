#include "webhook/kube/watch_event.h"

#include "gpugate/pairs.h"
#include "webhook/json/field.h"
#include "webhook/kube/resource_version.h"

#define ARENA_BYTES (64u << 10)
#define RETRY_AFTER_MAX_S 3600

/*
 * Enters the object at the current position and moves to the value of a member. Does not match keys
 * with escapes. Returns 1, or 0 if there is no such member, or -1.
 */
static int find_member(struct scan *scan, struct str name)
{
	struct str key = {NULL, 0};
	bool escaped;
	int more;
	if (scan_peek(scan) != '{')
		return scan_expected(scan, "an object");
	if (scan_open(scan) < 0)
		return -1;
	for (bool first = true; (more = scan_member(scan, first, &key, &escaped)) > 0; first = false) {
		if (str_eq(key, name))
			return 1;
		if (scan_skip(scan) < 0)
			return -1;
	}
	return more;
}

int kube_event_version(struct str object, uint64_t *version, struct error *err)
{
	struct scan scan;
	struct str text;
	bool escaped;
	scan_init(&scan, object.ptr, object.len);
	int found = find_member(&scan, STR("metadata"));
	if (found > 0)
		found = find_member(&scan, STR("resourceVersion"));
	if (found > 0 && scan_peek(&scan) != '"')
		found = scan_expected(&scan, "a string");
	if (found > 0 && scan_string(&scan, &text, &escaped) < 0)
		found = -1;
	if (found < 0)
		return error_set(err, "metadata.resourceVersion: %s (byte %zu of the object)", scan.fault,
				 (size_t)(scan.at - scan.begin));
	if (found == 0)
		return error_set(err, "an object without metadata.resourceVersion");
	if (!kube_version(text, version))
		return error_set(err, "metadata.resourceVersion: \"%.*s\" is no number",
				 text.len < 64 ? (int)text.len : 64, text.ptr);
	return 0;
}

/* --- Bookmarks --- */

struct bookmark_object {
	struct str version;
	struct pairs annotations;
};

static const struct field bookmark_metadata_fields[] = {
    {FIELD_KEY("resourceVersion"), .read = field_string, .offset = offsetof(struct bookmark_object, version)},
    {FIELD_KEY("annotations"), .read = field_pairs, .offset = offsetof(struct bookmark_object, annotations)},
};
static const struct shape bookmark_metadata = SHAPE(bookmark_metadata_fields, 0);
static const struct field bookmark_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &bookmark_metadata},
};
static const struct shape bookmark_shape = SHAPE(bookmark_fields, 0);

static int read_bookmark(struct reader *reader, struct kube_bookmark *bookmark, struct error *err)
{
	struct bookmark_object object = {.version = {NULL, 0}};
	if (reader_object(reader, &bookmark_shape, &object) < 0) {
		reader_error(reader, err);
		return error_wrap(err, "a bookmark");
	}
	*bookmark = (struct kube_bookmark){.version = 0};
	for (uint32_t i = 0; i < object.annotations.count; i++)
		bookmark->initial_end |= str_eq(object.annotations.items[i].key, STR("k8s.io/initial-events-end")) &&
					 str_eq(object.annotations.items[i].value, STR("true"));
	if (!kube_version(object.version, &bookmark->version))
		return error_set(err, "a bookmark without a metadata.resourceVersion that is a number");
	return 0;
}

int kube_event_bookmark(struct str object, struct kube_bookmark *bookmark, struct error *err)
{
	struct reader reader;
	struct arena arena;
	arena_init(&arena, 1024, ARENA_BYTES);
	reader_init(&reader, object.ptr, object.len, &arena);
	int result = read_bookmark(&reader, bookmark, err);
	arena_release(&arena);
	return result;
}

/* --- Errors --- */

struct status_object {
	struct str code, message, seconds;
};

static const struct field details_fields[] = {
    {FIELD_KEY("retryAfterSeconds"), .read = field_number, .offset = offsetof(struct status_object, seconds)},
};
static const struct shape details_shape = SHAPE(details_fields, 0);
static const struct field status_fields[] = {
    {FIELD_KEY("code"), .read = field_number, .offset = offsetof(struct status_object, code)},
    {FIELD_KEY("message"), .read = field_string, .offset = offsetof(struct status_object, message)},
    {FIELD_KEY("details"), .read = field_object, .shape = &details_shape},
};
static const struct shape status_shape = SHAPE(status_fields, 0);

void kube_event_status(struct str object, struct kube_status *status)
{
	struct status_object read = {.code = {NULL, 0}};
	struct reader reader;
	struct arena arena;
	uint64_t code = 0, seconds = 0;
	arena_init(&arena, 1024, ARENA_BYTES);
	reader_init(&reader, object.ptr, object.len, &arena);
	if (reader_object(&reader, &status_shape, &read) < 0)
		read = (struct status_object){.code = {NULL, 0}};
	*status = (struct kube_status){.code = 0};
	if (kube_version(read.code, &code) && code < 1000)
		status->code = (unsigned)code;
	if (kube_version(read.seconds, &seconds))
		status->retry_after_ms = 1000 * (unsigned)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S);
	struct str message = read.message.len ? read.message : STR("no message");
	if (message.len >= sizeof status->message)
		message.len = sizeof status->message - 1;
	memcpy(status->message, message.ptr, message.len);
	arena_release(&arena);
}
