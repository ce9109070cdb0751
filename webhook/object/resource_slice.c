#include "webhook/object/resource_slice.h"

#include "gpugate/quantity.h"
#include "webhook/json/field.h"

/* --- The object --- */

static const struct field product_fields[] = {
    {FIELD_KEY("string"), .read = field_string, .offset = offsetof(struct slice_device, product)},
};
static const struct shape product_shape = SHAPE(product_fields, 0);
static const struct field type_fields[] = {
    {FIELD_KEY("string"), .read = field_string, .offset = offsetof(struct slice_device, type)},
};
static const struct shape type_shape = SHAPE(type_fields, 0);
static const struct field attribute_fields[] = {
    {FIELD_KEY("productName"), .read = field_object, .shape = &product_shape},
    {FIELD_KEY("type"), .read = field_object, .shape = &type_shape},
};
static const struct shape attribute_shape = SHAPE(attribute_fields, 0);

static const struct field memory_fields[] = {
    {FIELD_KEY("value"), .read = field_string, .offset = offsetof(struct slice_device, memory)},
};
static const struct shape memory_shape = SHAPE(memory_fields, 0);
static const struct field capacity_fields[] = {
    {FIELD_KEY("memory"), .read = field_object, .shape = &memory_shape},
};
static const struct shape capacity_shape = SHAPE(capacity_fields, 0);

/* Up to v1beta1, the attributes are in `basic`. */
static const struct field basic_fields[] = {
    {FIELD_KEY("attributes"), .read = field_object, .shape = &attribute_shape},
    {FIELD_KEY("capacity"), .read = field_object, .shape = &capacity_shape},
};
static const struct shape basic_shape = SHAPE(basic_fields, 0);
static const struct field device_fields[] = {
    {FIELD_KEY("attributes"), .read = field_object, .shape = &attribute_shape},
    {FIELD_KEY("capacity"), .read = field_object, .shape = &capacity_shape},
    {FIELD_KEY("basic"), .read = field_object, .shape = &basic_shape},
};
static const struct shape device_shape = SHAPE(device_fields, sizeof(struct slice_device));

/* What is read of it. */
struct written_slice {
	struct resource_slice slice;
	struct str generation;
};

static const struct field pool_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct written_slice, slice.pool)},
    {FIELD_KEY("generation"), .read = field_number, .offset = offsetof(struct written_slice, generation)},
};
static const struct shape pool_shape = SHAPE(pool_fields, 0);

static const struct field spec_fields[] = {
    {FIELD_KEY("driver"), .read = field_string, .offset = offsetof(struct written_slice, slice.driver)},
    {FIELD_KEY("nodeName"), .read = field_string, .offset = offsetof(struct written_slice, slice.node)},
    {FIELD_KEY("pool"), .read = field_object, .shape = &pool_shape},
    {FIELD_KEY("devices"), .read = field_list, .shape = &device_shape,
     .offset = offsetof(struct written_slice, slice.devices),
     .count = offsetof(struct written_slice, slice.device_count)},
};
static const struct shape spec_shape = SHAPE(spec_fields, 0);

static const struct field meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct written_slice, slice.name)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape meta_shape = SHAPE(meta_fields, 0);
static const struct field slice_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
};
static const struct shape slice_shape = SHAPE(slice_fields, 0);

int resource_slice_read(struct str json, struct arena *arena, struct resource_slice *slice, struct error *err)
{
	struct written_slice written = {.generation = {NULL, 0}};
	struct reader reader;
	reader_init(&reader, json.ptr, json.len, arena);
	if (reader_object(&reader, &slice_shape, &written) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	*slice = written.slice;
	if (written.generation.len && quantity_count(written.generation, &slice->generation) != QUANTITY_OK)
		return error_set(err, "spec.pool.generation is no whole number");
	return 0;
}
