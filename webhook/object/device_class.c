#include "webhook/object/device_class.h"

#include "gpugate/consumer.h"
#include "webhook/json/field.h"
#include "webhook/json/time.h"

/* What is read of it. */
struct written_class {
	struct str name, created, resource;
};

static const struct field metadata_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct written_class, name)},
    {FIELD_KEY("creationTimestamp"), .read = field_string, .offset = offsetof(struct written_class, created)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape metadata_shape = SHAPE(metadata_fields, 0);

static const struct field spec_fields[] = {
    {FIELD_KEY("extendedResourceName"), .read = field_string, .offset = offsetof(struct written_class, resource)},
    {FIELD_KEY("config"), .read = field_opaque},
};
static const struct shape spec_shape = SHAPE(spec_fields, 0);

static const struct field class_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
};
static const struct shape class_shape = SHAPE(class_fields, 0);

int device_class_read(struct str json, struct arena *arena, struct device_class *class, struct error *err)
{
	struct written_class written = {.name = {NULL, 0}};
	struct reader reader;
	reader_init(&reader, json.ptr, json.len, arena);
	if (reader_object(&reader, &class_shape, &written) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	if (written.name.len == 0 || written.name.len > DEVICE_CLASS_NAME_MAX ||
	    written.resource.len > DEVICE_CLASS_ALIAS_MAX)
		return error_set(err, "its name or its extendedResourceName is missing or too long");
	*class = (struct device_class){.name = written.name};
	/* The API server allows no other names, and no Pod would get devices under one. */
	if (resource_is_extended(written.resource))
		class->resource = written.resource;
	if (!time_parse(written.created, &class->created_ms))
		class->created_ms = 0;
	return 0;
}
