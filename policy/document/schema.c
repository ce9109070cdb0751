/*
 * schema: the kinds of documents. A new key needs a row in the schema_*.c of its kind and a member
 * in documents.h.
 */
#include "policy/document/schema_parts.h"

#define GPUGATE_V1 WORD("gpugate.io/v1")

const struct schema_kind schema_kinds[KINDS] = {
    [KIND_SETTINGS] = {WORD("Settings"), GPUGATE_V1, offsetof(struct docs, settings), &schema_settings_object},
    [KIND_ACCELERATOR] = {WORD("Accelerator"), GPUGATE_V1, offsetof(struct docs, accelerators),
			  &schema_accelerator_object},
    [KIND_TENANT] = {WORD("Tenant"), GPUGATE_V1, offsetof(struct docs, tenants), &schema_tenant_object},
    [KIND_RULE] = {WORD("Rule"), GPUGATE_V1, offsetof(struct docs, rules), &schema_rule_object},
    [KIND_GUARD] = {WORD("Guard"), GPUGATE_V1, offsetof(struct docs, guards), &schema_guard_object},
    [KIND_WORKLOAD] = {WORD("Workload"), GPUGATE_V1, offsetof(struct docs, workloads), &schema_workload_object},
    [KIND_NAMESPACE] = {WORD("Namespace"), WORD("v1"), offsetof(struct docs, namespaces), &schema_namespace_object},
};

/* Finds a field at or below `from` that holds the object. Ignores the field `except`. */
static const struct schema_field *find_holder(const struct schema_object *from, const struct schema_object *object,
					      const struct schema_field *except)
{
	for (size_t i = 0; i < from->field_count; i++) {
		const struct schema_field *field = &from->fields[i], *found = NULL;
		if (field->object == object && field != except)
			return field;
		if (field->object)
			found = find_holder(field->object, object, except);
		if (found)
			return found;
	}
	return NULL;
}

static const struct schema_field *find_any_holder(const struct schema_object *object, const struct schema_field *except)
{
	const struct schema_field *found = NULL;
	for (size_t i = 0; i < KINDS && !found; i++)
		found = find_holder(schema_kinds[i].object, object, except);
	return found;
}

bool schema_is_shared(const struct schema_object *object)
{
	const struct schema_field *first = object->size ? find_any_holder(object, NULL) : NULL;
	return first && find_any_holder(object, first);
}

const char *schema_plain_name(const struct schema_object *object)
{
	const char *blank = strchr(object->name, ' ');
	return blank ? blank + 1 : object->name;
}
