#include "webhook/object/claim.h"

#include "gpugate/pairs.h"
#include "webhook/json/field.h"

#define KIND_CLAIM STR("ResourceClaim")
#define KIND_TEMPLATE STR("ResourceClaimTemplate")
#define EXTENDED_MARK STR("resource.kubernetes.io/extended-resource-claim")

/* A request as it is written, in whichever version. */
struct written_request {
	struct str name;
	struct claim_option flat, exactly;
	bool has_exactly;
	const struct claim_option *alternatives;
	uint32_t alternative_count;
};

/* A partially read object. */
struct working_claim {
	struct claim claim;
	struct pairs annotations;
	const struct written_request *requests;
	uint32_t request_count;
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

static const struct field option_fields[] = {
    {FIELD_KEY("deviceClassName"), .read = field_string, .offset = offsetof(struct claim_option, device_class)},
    {FIELD_KEY("adminAccess"), .read = read_admin_access},
};
static const struct shape option_shape = SHAPE(option_fields, sizeof(struct claim_option));

static const struct field exactly_fields[] = {
    {FIELD_KEY("deviceClassName"), .read = field_string,
     .offset = offsetof(struct written_request, exactly.device_class)},
    {FIELD_KEY("adminAccess"), .read = read_admin_access, .offset = offsetof(struct written_request, exactly)},
};
static const struct shape exactly_shape = SHAPE(exactly_fields, 0);

static const struct field request_fields[] = {
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct written_request, name)},
    {FIELD_KEY("exactly"), .read = field_object, .shape = &exactly_shape,
     FIELD_FLAG(struct written_request, has_exactly)},
    {FIELD_KEY("firstAvailable"), .read = field_list, .offset = offsetof(struct written_request, alternatives),
     .shape = &option_shape, .count = offsetof(struct written_request, alternative_count)},
    {FIELD_KEY("deviceClassName"), .read = field_string, .offset = offsetof(struct written_request, flat.device_class)},
    {FIELD_KEY("adminAccess"), .read = read_admin_access, .offset = offsetof(struct written_request, flat)},
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
    {FIELD_KEY("annotations"), .read = field_pairs, .offset = offsetof(struct working_claim, annotations)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape metadata_shape = SHAPE(metadata_fields, 0);

static const struct field claim_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &metadata_shape},
    {FIELD_KEY("spec"), .read = field_object, .shape = &spec_shape},
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
		options[count++] = written->exactly;
	if (str_present(written->flat.device_class))
		options[count++] = written->flat;
	for (uint32_t i = 0; i < written->alternative_count; i++)
		options[count++] = written->alternatives[i];
	/* Without any, the request is of a form that this version does not know. */
	*request = (struct claim_request){written->name, options, count ? count : 1};
	return 0;
}

static int finish(struct working_claim *working, struct arena *arena)
{
	struct claim_request *requests = arena_zalloc(arena, working->request_count, sizeof *requests);
	if (!requests)
		return -1;
	for (uint32_t i = 0; i < working->request_count; i++)
		if (list_options(&working->requests[i], arena, &requests[i]) < 0)
			return -1;
	for (uint32_t i = 0; i < working->annotations.count; i++)
		working->claim.marked_extended |= str_eq(working->annotations.items[i].key, EXTENDED_MARK);
	working->claim.requests = requests;
	working->claim.request_count = working->request_count;
	working->claim.present = true;
	return 0;
}

int reader_claim(struct reader *reader, struct str kind, struct claim *claim)
{
	const struct shape *shape = str_eq(kind, KIND_TEMPLATE) ? &claim_template_shape : &claim_shape;
	struct working_claim working = {.request_count = 0};
	if (reader_object(reader, shape, &working) < 0)
		return -1;
	if (finish(&working, reader->arena) < 0)
		return reader_no_memory(reader);
	*claim = working.claim;
	return 0;
}
