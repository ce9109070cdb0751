#include "webhook/object/claim.h"

#include "gpugate/consumer.h"
#include "gpugate/pairs.h"
#include "gpugate/quantity.h"
#include "webhook/json/field.h"
#include "webhook/object/claim_allocation.h"
#include "webhook/object/claim_selector.h"
#include "webhook/object/owner.h"

#define KIND_CLAIM STR("ResourceClaim")
#define KIND_TEMPLATE STR("ResourceClaimTemplate")

/* A way to meet a request, and what says of which devices, or parts of them. */
struct written_option {
	struct claim_option option; /* Must come first: its rows are filled in place. */
	const struct str *selectors;
	uint32_t selector_count;
	struct pairs capacity; /* What it requests of each capacity. */
};

/* A request as it is written, in whichever version. */
struct written_request {
	struct str name;
	struct written_option flat, exactly;
	bool has_exactly;
	const struct written_option *alternatives;
	uint32_t alternative_count;
};

/* A partially read object. */
struct working_claim {
	struct claim claim;
	struct pairs annotations;
	const struct owner_reference *owners;
	uint32_t owner_count;
	const struct written_request *requests;
	uint32_t request_count;
	struct written_status status;
};

/* Reads adminAccess, and keeps where it is. The offset is that of a struct claim_option. */
static int read_admin_access(struct reader *reader, const struct field *field, void *target)
{
	static const struct field flag = {.offset = offsetof(struct claim_option, admin_access)};
	struct claim_option *option = (void *)((char *)target + field->offset);
	scan_peek(&reader->scan);
	const char *begin = reader->scan.at;
	if (field_bool(reader, &flag, option) < 0)
		return -1;
	option->admin_text = (struct str){begin, (size_t)(reader->scan.at - begin)};
	return 0;
}

/* A selector of another form than CEL tells nothing, and neither does an absent expression. */
static const struct field cel_fields[] = {{FIELD_KEY("expression"), .read = field_string, .offset = 0}};
static const struct shape cel_shape = SHAPE(cel_fields, 0);
static const struct field selector_fields[] = {{FIELD_KEY("cel"), .read = field_object, .shape = &cel_shape}};
static const struct shape selector_shape = SHAPE(selector_fields, sizeof(struct str));

static int read_capacity(struct reader *reader, const struct field *field, void *target)
{
	static const struct field rows[] = {{FIELD_KEY("requests"), .read = field_quantities, .offset = 0}};
	static const struct shape shape = SHAPE(rows, 0);
	return reader_object(reader, &shape, (char *)target + field->offset);
}

/* The rows of an option that is at `at` of its struct. */
#define OPTION_FIELDS(at)                                                                                              \
	{FIELD_KEY("deviceClassName"), .read = field_string,                                                           \
	 .offset = (at) + offsetof(struct claim_option, device_class)},                                                \
	    {FIELD_KEY("allocationMode"), .read = field_string,                                                        \
	     .offset = (at) + offsetof(struct claim_option, mode_text)},                                               \
	    {FIELD_KEY("count"), .read = field_number, .offset = (at) + offsetof(struct claim_option, count_text)},    \
	    {FIELD_KEY("selectors"), .read = field_list, .offset = (at) + offsetof(struct written_option, selectors),  \
	     .shape = &selector_shape, .count = (at) + offsetof(struct written_option, selector_count)},               \
	    {FIELD_KEY("capacity"), .read = read_capacity,                                                             \
	     .offset = (at) + offsetof(struct written_option, capacity)},                                              \
	{                                                                                                              \
		FIELD_KEY("adminAccess"), .read = read_admin_access, .offset = (at)                                    \
	}

static const struct field option_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct claim_option, name)},
    OPTION_FIELDS(0),
};
static const struct shape option_shape = SHAPE(option_fields, sizeof(struct written_option));

static const struct field exactly_fields[] = {OPTION_FIELDS(offsetof(struct written_request, exactly))};
static const struct shape exactly_shape = SHAPE(exactly_fields, 0);

static const struct field request_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct written_request, name)},
    {FIELD_KEY("exactly"), .read = field_object, .shape = &exactly_shape,
     FIELD_FLAG(struct written_request, has_exactly)},
    {FIELD_KEY("firstAvailable"), .read = field_list, .offset = offsetof(struct written_request, alternatives),
     .shape = &option_shape, .count = offsetof(struct written_request, alternative_count)},
    OPTION_FIELDS(offsetof(struct written_request, flat)),
};
static const struct shape request_shape = SHAPE(request_fields, sizeof(struct written_request));

static const struct field devices_fields[] = {
    {FIELD_KEY("requests"), .read = field_list, .offset = offsetof(struct working_claim, requests),
     .shape = &request_shape, .count = offsetof(struct working_claim, request_count)},
};
static const struct shape devices_shape = SHAPE(devices_fields, 0);

static const struct field spec_fields[] = {
    {FIELD_KEY("devices"), .read = field_object, .shape = &devices_shape},
};
static const struct shape spec_shape = SHAPE(spec_fields, 0);

static const struct field template_fields[] = {
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
};
static const struct shape template_shape = SHAPE(template_fields, 0);

static const struct field metadata_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct working_claim, claim.name)},
    {FIELD_KEY("generateName"), .read = field_string, .offset = offsetof(struct working_claim, claim.generate_name)},
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct working_claim, claim.namespace)},
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct working_claim, claim.uid)},
    {FIELD_KEY("resourceVersion"), .read = field_string,
     .offset = offsetof(struct working_claim, claim.resource_version)},
    {FIELD_KEY("deletionTimestamp"), .read = field_string,
     .offset = offsetof(struct working_claim, claim.deletion_timestamp)},
    {FIELD_KEY("deletionGracePeriodSeconds"), .read = field_number,
     .offset = offsetof(struct working_claim, claim.deletion_grace_seconds)},
    {FIELD_KEY("annotations"), .read = field_pairs, .offset = offsetof(struct working_claim, annotations)},
    {FIELD_KEY("ownerReferences"), .read = field_list, .offset = offsetof(struct working_claim, owners),
     .shape = &owner_shape, .count = offsetof(struct working_claim, owner_count)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape metadata_shape = SHAPE(metadata_fields, 0);

static const struct field claim_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
    {FIELD_KEY("status"), .read = field_object, .offset = offsetof(struct working_claim, status),
     .shape = &claim_status_shape},
};
static const struct shape claim_shape = SHAPE(claim_fields, 0);

static const struct field claim_template_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &template_shape},
};
static const struct shape claim_template_shape = SHAPE(claim_template_fields, 0);

bool claim_is_kind(struct str group, struct str kind)
{
	return str_eq(group, STR("resource.k8s.io")) && (str_eq(kind, KIND_CLAIM) || str_eq(kind, KIND_TEMPLATE));
}

bool claim_is_claim(struct str group, struct str kind)
{
	return claim_is_kind(group, kind) && str_eq(kind, KIND_CLAIM);
}

/*
 * Completes an option from what is written. The API server treats an empty mode and a count of 0 as
 * absent.
 */
static struct claim_option finish_option(const struct written_option *written)
{
	struct claim_option option = written->option;
	struct claim_selected selected = {.profile = {NULL, 0}};
	for (uint32_t i = 0; i < written->selector_count; i++)
		claim_selector_read(written->selectors[i], &selected);
	option.profile = selected.profile;
	option.product = selected.product;
	option.product_driver = selected.driver;
	/* All cores of a device can be requested with little of its memory. */
	option.other_capacity = claim_has_other_capacity(&written->capacity);
	option.memory = option.other_capacity ? 0 : claim_memory(&written->capacity);
	int64_t count = 0;
	bool counted = !str_present(option.count_text) || quantity_count(option.count_text, &count) == QUANTITY_OK;
	option.count = !counted ? 0 : count ? count : 1;
	option.mode = option.mode_text.len == 0 || str_eq(option.mode_text, STR("ExactCount")) ? CLAIM_EXACT_COUNT
		      : str_eq(option.mode_text, STR("All"))                                   ? CLAIM_ALL
											       : CLAIM_MODE_UNKNOWN;
	return option;
}

/*
 * Lists the ways in which a request can be met. The API server allows one of the three forms; where
 * several are written, all of them are listed.
 */
static int list_options(const struct written_request *written, struct arena *arena, struct claim_request *request)
{
	struct claim_option *options = arena_zalloc(arena, (size_t)written->alternative_count + 2, sizeof *options);
	uint32_t count = 0;
	if (!options)
		return -1;
	if (written->has_exactly)
		options[count++] = finish_option(&written->exactly);
	if (written->flat.option.device_class.len > 0)
		options[count++] = finish_option(&written->flat);
	for (uint32_t i = 0; i < written->alternative_count; i++)
		options[count++] = finish_option(&written->alternatives[i]);
	/* Without any, the request is of a form that this version does not know. */
	*request = (struct claim_request){written->name, options, count ? count : 1};
	return 0;
}

static void find_mark(const struct pairs *annotations, struct claim *claim)
{
	for (uint32_t i = 0; i < annotations->count; i++) {
		if (!str_eq(annotations->items[i].key, STR(CLAIM_EXTENDED_MARK)))
			continue;
		claim->marked_extended = true;
		claim->extended_mark = annotations->items[i].value;
	}
}

static int finish(struct working_claim *working, struct arena *arena)
{
	struct claim_request *requests = arena_zalloc(arena, working->request_count, sizeof *requests);
	if (!requests)
		return -1;
	for (uint32_t i = 0; i < working->request_count; i++)
		if (list_options(&working->requests[i], arena, &requests[i]) < 0)
			return -1;
	if (claim_allocation_of(&working->status, arena, &working->claim.allocation) < 0)
		return -1;
	find_mark(&working->annotations, &working->claim);
	working->claim.owner = owner_controller(working->owners, working->owner_count);
	working->claim.requests = requests;
	working->claim.request_count = working->request_count;
	working->claim.present = true;
	return 0;
}

int reader_claim(struct reader *reader, struct str kind, struct claim *claim)
{
	const struct shape *shape = str_eq(kind, KIND_TEMPLATE) ? &claim_template_shape : &claim_shape;
	struct working_claim working;
	memset(&working, 0, sizeof working);
	if (reader_object(reader, shape, &working) < 0)
		return -1;
	if (finish(&working, reader->arena) < 0)
		return reader_no_memory(reader);
	*claim = working.claim;
	return 0;
}

int reader_claim_as_pod(struct reader *reader, struct pod *pod)
{
	struct claim *claim = arena_alloc(reader->arena, sizeof *claim);
	scan_peek(&reader->scan);
	const char *begin = reader->scan.at;
	if (!claim)
		return reader_no_memory(reader);
	if (reader_claim(reader, KIND_CLAIM, claim) < 0)
		return -1;
	if (!policy_claim_bounded(claim))
		return scan_fail(&reader->scan, begin, "expected a claim with at most %d ways to meet its requests",
				 CLAIM_OPTIONS_MAX);
	*pod = (struct pod){.present = true,
			    .as_claim = claim,
			    .name = claim->name,
			    .generate_name = claim->generate_name,
			    .namespace = claim->namespace,
			    .uid = claim->uid,
			    .resource_version = claim->resource_version,
			    .deletion_timestamp = claim->deletion_timestamp,
			    .deletion_grace_seconds = claim->deletion_grace_seconds,
			    .owner = claim->owner};
	return 0;
}
