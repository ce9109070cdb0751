#include "webhook/init/slices.h"

#include "gpugate/consumer.h"
#include "gpugate/known.h"
#include "gpugate/product_label.h"
#include "gpugate/quantity.h"
#include "webhook/init/nodes.h"
#include "webhook/json/field.h"
#include "webhook/object/resource_slice.h"

/* --- DeviceClass --- */

struct device_class {
	struct str name;
	struct str resource;
};

static const struct field class_meta_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct device_class, name)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape class_meta_shape = SHAPE(class_meta_fields, 0);

static const struct field class_spec_fields[] = {
    {FIELD_KEY("extendedResourceName"), .read = field_string, .offset = offsetof(struct device_class, resource)},
};
static const struct shape class_spec_shape = SHAPE(class_spec_fields, 0);

static const struct field class_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &class_meta_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &class_spec_shape},
};
static const struct shape class_shape = SHAPE(class_fields, 0);

/* Returns the driver, new if there is none; NULL if there are too many. */
static struct fleet_driver *driver_of(struct fleet *fleet, struct str name)
{
	for (uint32_t i = 0; i < fleet->driver_count; i++)
		if (str_eq(fleet->drivers[i].name, name))
			return &fleet->drivers[i];
	if (fleet->driver_count == FLEET_DRIVERS_MAX)
		return NULL;
	struct fleet_driver *driver = &fleet->drivers[fleet->driver_count];
	*driver = (struct fleet_driver){.name = arena_str(&fleet->arena, name)};
	fleet->driver_count += driver->name.ptr != NULL;
	return driver->name.ptr ? driver : NULL;
}

int slices_read_class(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err)
{
	struct reader reader;
	struct device_class class = {0};
	reader_init(&reader, json.ptr, json.len, scratch);
	if (reader_object(&reader, &class_shape, &class) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	if (!known_is_name(class.name) || !fleet_names(class.resource))
		return 0;
	/* A driver's class of whole devices has the driver's name. */
	struct fleet_driver *driver = driver_of(fleet, class.name);
	if (!driver || str_present(driver->resource))
		return 0;
	driver->resource = arena_str(&fleet->arena, class.resource);
	return driver->resource.ptr ? 0 : fleet_no_memory(err);
}

/* --- ResourceSlice --- */

/* Parts of devices, such as MIG slices, are not counted again. */
static bool is_whole(const struct slice_device *device)
{
	return device->type.len == 0 || str_eq(device->type, STR("gpu"));
}

static int64_t mib_of(struct str memory)
{
	struct quantity quantity;
	if (memory.len == 0 || quantity_parse(memory, &quantity) != QUANTITY_OK || quantity.nano < 0)
		return 0;
	wide mib = quantity.nano / QUANTITY_SCALE >> 20;
	return mib <= (wide)32 << 20 ? (int64_t)mib : 0;
}

static int take_devices(struct fleet *fleet, const struct resource_slice *slice, const struct fleet_driver *driver,
			struct error *err)
{
	static const struct pairs none = {0};
	const struct fleet_node *node = slice->node.len ? fleet_node_find(fleet, slice->node) : NULL;
	struct nodes_offer offer = {.resource = driver->resource};
	for (uint32_t i = 0; i < slice->device_count; i++) {
		const struct slice_device *device = &slice->devices[i];
		int64_t mib = mib_of(device->memory);
		if (!is_whole(device))
			continue;
		offer.devices++;
		offer.mib = mib > offer.mib ? mib : offer.mib;
		if (!str_present(offer.product) && device->product.len)
			offer.product = device->product;
	}
	char value[PRODUCT_LABEL_MAX];
	size_t len = product_label_value(slice->driver, offer.product, value);
	offer.label = (struct pair){product_label_key(slice->driver), {value, len}};
	return offer.devices ? nodes_offer(fleet, node ? &node->labels : &none, &offer, err) : 0;
}

int slices_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err)
{
	struct resource_slice slice;
	if (resource_slice_read(json, scratch, &slice, err) < 0)
		return -1;
	fleet->slices++;
	if (!known_is_name(slice.driver)) {
		fleet->skipped++;
		return 0;
	}
	struct fleet_driver *driver = driver_of(fleet, slice.driver);
	if (!driver)
		return 0;
	for (uint32_t i = 0; i < slice.device_count; i++)
		driver->devices += is_whole(&slice.devices[i]);
	return str_present(driver->resource) ? take_devices(fleet, &slice, driver, err) : 0;
}
