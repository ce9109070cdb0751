/* Adds which names the policy has, where no near one could be proposed. */
#include <stdlib.h>

#include "gpugate/consumer.h"
#include "webhook/simulate/explain_remedies.h"

#define NAMES_MAX 8

static int compare(const void *left, const void *right)
{
	return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

/* Adds the first of the names, sorted. Takes them. */
static void add_names(json_t *remedies, const char *of, struct str *names, uint32_t count)
{
	if (names && count) {
		json_t *remedy = remedy_add(remedies, "names"), *list = json_array();
		qsort(names, count, sizeof *names, compare);
		for (uint32_t i = 0; i < count && i < NAMES_MAX; i++)
			json_array_append_new(list, explain_string(names[i]));
		json_object_set_new(remedy, "of", json_string(of));
		json_object_set_new(remedy, "names", list);
		json_object_set_new(remedy, "more", json_integer(count > NAMES_MAX ? count - NAMES_MAX : 0));
	}
	free(names);
}

void explain_tenant_names(const struct explain_refusal *refusal, json_t *remedies)
{
	struct policy_counts counts;
	policy_counts(refusal->context->policy, &counts);
	struct str *names = calloc((size_t)counts.tenants + 1, sizeof *names);
	for (uint32_t i = 0; names && i < counts.tenants; i++) {
		struct tenant_view tenant;
		policy_tenant(refusal->context->policy, i, &tenant);
		names[i] = tenant.name;
	}
	add_names(remedies, "tenants", names, counts.tenants);
}

void explain_resource_names(const struct explain_refusal *refusal, json_t *remedies)
{
	uint32_t count = policy_resource_count(refusal->context->policy), named = 0;
	struct str *names = calloc((size_t)count + 1, sizeof *names);
	for (uint32_t i = 0; names && i < count; i++) {
		struct resource_view resource;
		policy_resource(refusal->context->policy, i, &resource);
		/* Nothing can be requested by the name of a part. */
		if (str_eq(resource_without_part(resource.name), resource.name))
			names[named++] = resource.name;
	}
	add_names(remedies, "resources", names, named);
}
