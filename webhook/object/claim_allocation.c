#include "webhook/object/claim_allocation.h"

#include "gpugate/quantity.h"

struct written_result {
	struct str request;
	struct pairs consumed;
};

/* What a term requires of the fields of a node, and not of its labels. */
struct written_term {
	const struct written_requirement *fields;
	uint32_t field_count;
};

struct written_requirement {
	struct str key, op;
	struct strs values;
};

static const struct field result_fields[] = {
    {FIELD_KEY("request"), .read = field_string, .offset = offsetof(struct written_result, request)},
    {FIELD_KEY("consumedCapacity"), .read = field_quantities, .offset = offsetof(struct written_result, consumed)},
};
static const struct shape result_shape = SHAPE(result_fields, sizeof(struct written_result));

static const struct field devices_fields[] = {
    {FIELD_KEY("results"), .read = field_list, .offset = offsetof(struct written_status, results),
     .shape = &result_shape, .count = offsetof(struct written_status, result_count)},
};
static const struct shape devices_shape = SHAPE(devices_fields, 0);

static const struct field requirement_fields[] = {
    {FIELD_KEY("key"), .read = field_string, .offset = offsetof(struct written_requirement, key)},
    {FIELD_KEY("operator"), .read = field_string, .offset = offsetof(struct written_requirement, op)},
    {FIELD_KEY("values"), .read = field_strings, .offset = offsetof(struct written_requirement, values.items),
     .count = offsetof(struct written_requirement, values.count)},
};
static const struct shape requirement_shape = SHAPE(requirement_fields, sizeof(struct written_requirement));

static const struct field term_fields[] = {
    {FIELD_KEY("matchFields"), .read = field_list, .offset = offsetof(struct written_term, fields),
     .shape = &requirement_shape, .count = offsetof(struct written_term, field_count)},
};
static const struct shape term_shape = SHAPE(term_fields, sizeof(struct written_term));

static const struct field selector_fields[] = {
    {FIELD_KEY("nodeSelectorTerms"), .read = field_list, .offset = offsetof(struct written_status, terms),
     .shape = &term_shape, .count = offsetof(struct written_status, term_count)},
};
static const struct shape selector_shape = SHAPE(selector_fields, 0);

static const struct field allocation_fields[] = {
    {FIELD_KEY("devices"), .read = field_object, .shape = &devices_shape},
    {FIELD_KEY("nodeSelector"), .read = field_object, .shape = &selector_shape},
};
static const struct shape allocation_shape = SHAPE(allocation_fields, 0);

static const struct field status_fields[] = {
    {FIELD_KEY("allocation"), .read = field_object, .shape = &allocation_shape,
     FIELD_FLAG(struct written_status, has_allocation)},
};
const struct shape claim_status_shape = SHAPE(status_fields, 0);

/* Terms are alternatives, so only a single one says that there is one node. */
static struct str find_node(const struct written_status *status)
{
	const struct written_term *term = status->terms;
	if (status->term_count != 1 || term->field_count != 1)
		return (struct str){NULL, 0};
	const struct written_requirement *field = term->fields;
	bool one = str_eq(field->key, STR("metadata.name")) && str_eq(field->op, STR("In")) && field->values.count == 1;
	return one ? field->values.items[0] : (struct str){NULL, 0};
}

static bool is_memory(struct str key)
{
	return str_eq(key, STR("memory"));
}

bool claim_has_other_capacity(const struct pairs *capacity)
{
	bool other = false;
	for (uint32_t i = 0; i < capacity->count; i++)
		other |= !is_memory(capacity->items[i].key);
	return other;
}

int64_t claim_memory(const struct pairs *capacity)
{
	const struct str *found = NULL;
	struct quantity bytes;
	for (uint32_t i = 0; i < capacity->count; i++) {
		if (!is_memory(capacity->items[i].key))
			continue;
		if (found)
			return 0;
		found = &capacity->items[i].value;
	}
	if (!found || quantity_parse(*found, &bytes) != QUANTITY_OK || bytes.nano <= 0)
		return 0;
	wide whole = (bytes.nano + QUANTITY_SCALE - 1) / QUANTITY_SCALE;
	return whole <= INT64_MAX ? (int64_t)whole : 0;
}

int claim_allocation_of(const struct written_status *status, struct arena *arena, struct claim_allocation *allocation)
{
	struct claim_result *results = arena_zalloc(arena, status->result_count, sizeof *results);
	if (!results)
		return -1;
	for (uint32_t i = 0; i < status->result_count; i++)
		results[i] =
		    (struct claim_result){status->results[i].request, claim_memory(&status->results[i].consumed)};
	*allocation =
	    (struct claim_allocation){status->has_allocation, find_node(status), results, status->result_count};
	return 0;
}
