#include "webhook/object/meta.h"

#include "webhook/json/field.h"

static const struct field meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct object_meta, name)},
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct object_meta, uid)},
    {FIELD_KEY("resourceVersion"), .read = field_string, .offset = offsetof(struct object_meta, resource_version)},
    {FIELD_KEY("labels"), .read = field_pairs, .offset = offsetof(struct object_meta, labels)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape meta_shape = SHAPE(meta_fields, 0);

/* For a list, only its version matters. Its items are skipped, and may have any content. */
static const struct field object_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("items"), .read = field_opaque},
};
static const struct shape object_shape = SHAPE(object_fields, 0);

int object_meta_read(struct str json, struct arena *arena, struct object_meta *meta, struct error *err)
{
	struct reader reader;
	*meta = (struct object_meta){0};
	reader_init(&reader, json.ptr, json.len, arena);
	if (reader_object(&reader, &object_shape, meta) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	return 0;
}
