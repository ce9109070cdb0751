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
    [KIND_NAMESPACE] = {WORD("Namespace"), WORD("v1"), offsetof(struct docs, namespaces), &schema_namespace_object},
};
