#include "webhook/kube/list_meta.h"

#include "webhook/json/field.h"

struct metadata {
	struct str version, next, remaining;
};

static const struct field metadata_fields[] = {
    {FIELD_KEY("resourceVersion"), .read = field_string, .offset = offsetof(struct metadata, version)},
    {FIELD_KEY("continue"), .read = field_string, .offset = offsetof(struct metadata, next)},
    {FIELD_KEY("remainingItemCount"), .read = field_number, .offset = offsetof(struct metadata, remaining)},
};
static const struct shape metadata_shape = SHAPE(metadata_fields, 0);

/* Returns -1 if the text is not a count. */
static int64_t read_count(struct str text)
{
	int64_t count = text.len ? 0 : -1;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(count, 10, &count) ||
		    __builtin_add_overflow(count, text.ptr[i] - '0', &count))
			return -1;
	return count;
}

/* Copies a string that may be absent. Returns false without memory. */
static bool copy(struct arena *arena, struct str from, struct str *to)
{
	*to = str_present(from) ? arena_str(arena, from) : from;
	return str_present(from) == str_present(*to);
}

int kube_list_read(struct str json, struct arena *arena, struct kube_list *list, struct error *err)
{
	struct metadata metadata = {.version = {NULL, 0}};
	struct reader reader;
	reader_init(&reader, json.ptr, json.len, arena);
	if (reader_object(&reader, &metadata_shape, &metadata) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	list->remaining = read_count(metadata.remaining);
	if (!copy(arena, metadata.version, &list->version) || !copy(arena, metadata.next, &list->next))
		return error_set(err, "resourceVersion and continue are longer than %zu bytes", arena->max_bytes);
	return 0;
}
