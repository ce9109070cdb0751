/*
 * pod_requests: what a Pod requests, independent of any policy: all extended resources, as a view
 * of the cluster keeps them.
 */
#include <stdlib.h>

#include "gpugate/arena.h"
#include "gpugate/pairs.h"
#include "gpugate/quantity.h"
#include "policy/evaluate/effective_request.h"
#include "policy/model/catalog.h"

#define OVERHEAD UINT32_MAX

/* One entry in a map of a container, or in the overhead of the Pod. */
struct asked {
	struct str resource;
	uint32_t container; /* Index into pod.containers, or OVERHEAD. */
	int64_t value;
};

bool resource_is_extended(struct str name)
{
	static const struct str native = {"kubernetes.io/", sizeof "kubernetes.io/" - 1};
	if (!str_has_char(name, '/') || str_starts(name, STR("requests.")))
		return false;
	if (str_starts(name, CATALOG_CLASS_PREFIX))
		return true;
	for (size_t i = 0; i + native.len <= name.len; i++)
		if (str_starts(str_tail(name, i), native))
			return false;
	return true;
}

/* Ignores zero and non-integer quantities, and limits the others to COMPANION_MAX. */
static uint32_t collect(const struct pairs *map, uint32_t container, struct asked *asked, uint32_t count)
{
	for (uint32_t i = 0; i < map->count; i++) {
		int64_t value;
		if (!resource_is_extended(map->items[i].key) ||
		    quantity_count(map->items[i].value, &value) != QUANTITY_OK || value == 0)
			continue;
		value = value > COMPANION_MAX ? COMPANION_MAX : value;
		asked[count++] = (struct asked){map->items[i].key, container, value};
	}
	return count;
}

/*
 * Sorts by resource, then by container, then by value, so that the larger of request and limit is
 * last.
 */
static int asked_order(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;
	int order = str_cmp(x->resource, y->resource);
	if (order == 0)
		order = (x->container > y->container) - (x->container < y->container);
	return order ? order : (x->value > y->value) - (x->value < y->value);
}

static int64_t sum(const struct pod *pod, const struct asked *asked, uint32_t count)
{
	struct effective effective = {0};
	for (uint32_t i = 0; i < count; i++) {
		if (asked[i].container == OVERHEAD)
			effective.overhead = effective_sum(effective.overhead, asked[i].value);
		/* The larger of request and limit. */
		else if (i + 1 == count || asked[i + 1].container != asked[i].container)
			effective_add(&effective, &pod->containers[asked[i].container], asked[i].value);
	}
	return effective_total(&effective);
}

int policy_pod_requests(const struct pod *pod, struct arena *arena, const struct resource_request **requests,
			uint32_t *count)
{
	if (pod->as_claim)
		return policy_claim_requests(pod->as_claim, arena, requests, count);
	size_t most = pod->overhead.count;
	for (uint32_t i = 0; i < pod->container_count; i++)
		most += (size_t)pod->containers[i].requests.count + pod->containers[i].limits.count;
	struct asked *asked = arena_alloc(arena, most * sizeof *asked);
	if (!asked)
		return -1;
	uint32_t entries = 0, made = 0;
	for (uint32_t i = 0; i < pod->container_count; i++) {
		entries = collect(&pod->containers[i].requests, i, asked, entries);
		entries = collect(&pod->containers[i].limits, i, asked, entries);
	}
	entries = collect(&pod->overhead, OVERHEAD, asked, entries);
	if (entries > 1)
		qsort(asked, entries, sizeof *asked, asked_order);
	struct resource_request *out = arena_alloc(arena, entries * sizeof *out);
	if (!out)
		return -1;
	for (uint32_t from = 0, to; from < entries; from = to) {
		for (to = from + 1; to < entries && str_eq(asked[to].resource, asked[from].resource); to++)
			;
		int64_t total = sum(pod, &asked[from], to - from);
		if (total > 0) /* Ephemeral containers request nothing. */
			out[made++] = (struct resource_request){.resource = asked[from].resource, .count = total};
	}
	*requests = out;
	*count = made;
	return 0;
}
