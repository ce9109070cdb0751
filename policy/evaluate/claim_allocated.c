/*
 * claim_allocated: what a ResourceClaim has been given, independent of any policy, in the names by
 * which Pods request devices of the same classes.
 *
 * It is not compared with what the claim requests, although it should never cost more: what a claim
 * has been given, it holds, and the rest of the quota has to be what is left beside it. Also, a
 * cost is only known by a policy, and both lists are kept for the next one.
 */
#include "policy/evaluate/claim_requests.h"

#include <string.h>

/* The part before or after the slash of NAME/ALTERNATIVE. */
static struct str request_name(const struct claim_result *result)
{
	const char *slash = memchr(result->request.ptr, '/', result->request.len);
	return slash ? (struct str){result->request.ptr, (size_t)(slash - result->request.ptr)} : result->request;
}

static struct str alternative_name(const struct claim_result *result)
{
	struct str name = request_name(result);
	return name.len == result->request.len ? (struct str){NULL, 0} : str_tail(result->request, name.len + 1);
}

static bool is_of(const struct claim_result *result, const struct claim_request *request)
{
	return result->request.len && str_eq(request_name(result), request->name);
}

/* Returns the option that a result names; NULL: it names none, or several. */
static const struct claim_option *find_option(const struct claim_request *request, const struct claim_result *result)
{
	const struct claim_option *found = NULL;
	struct str name = alternative_name(result);
	for (uint32_t i = 0; i < request->option_count; i++) {
		if (!str_eq(request->options[i].name, name))
			continue;
		if (found)
			return NULL;
		found = &request->options[i];
	}
	return found;
}

/* How many devices a request must have been given. */
static int64_t least_results(const struct claim_option *option)
{
	bool whole = option->mode == CLAIM_ALL || (option->mode == CLAIM_EXACT_COUNT && option->count > 0);
	return !whole || option->device_class.len == 0 ? INT64_MAX : option->mode == CLAIM_ALL ? 1 : option->count;
}

/* Returns the option by which a request was met; NULL: that cannot be decided. */
static const struct claim_option *find_given(const struct claim_request *request,
					     const struct claim_allocation *allocation)
{
	const struct claim_option *given = NULL;
	int64_t count = 0;
	for (uint32_t i = 0; i < allocation->result_count; i++) {
		const struct claim_result *result = &allocation->results[i];
		if (!is_of(result, request))
			continue;
		const struct claim_option *option = find_option(request, result);
		if (!option || (given && given != option))
			return NULL;
		given = option;
		count++;
	}
	return given && count >= least_results(given) ? given : NULL;
}

/* Devices of the same kind are one row of the list. */
static int add_device(struct request_list *list, uint32_t first, const struct claim_option *option,
		      const struct claim_result *result)
{
	/* What it takes of a shared device says more than its profile. */
	const struct class_part part = {option->profile, option->other_capacity ? 0 : result->memory};
	if (request_list_add(list, option, &part, 1, false) < 0)
		return -1;
	const struct resource_request *added = &list->items[list->count - 1];
	for (uint32_t i = first; i < list->count - 1; i++)
		if (str_eq(list->items[i].resource, added->resource)) {
			list->items[i].count++;
			list->count--;
			break;
		}
	return 0;
}

static int add_given(struct request_list *list, const struct claim_request *request,
		     const struct claim_allocation *allocation)
{
	const struct claim_option *option = find_given(request, allocation);
	uint32_t first = list->count;
	if (!option)
		return request_list_add_request(list, request);
	for (uint32_t i = 0; i < allocation->result_count && !option->admin_access; i++)
		if (is_of(&allocation->results[i], request) &&
		    add_device(list, first, option, &allocation->results[i]) < 0)
			return -1;
	return 0;
}

/*
 * Whether no two requests have the same name, which the API server refuses. A result would be
 * counted for each of them, and take more rows than there are results.
 */
static bool has_distinct_names(const struct claim *claim)
{
	bool distinct = true;
	for (uint32_t i = 1; i < claim->request_count && distinct; i++)
		for (uint32_t k = 0; k < i && distinct; k++)
			distinct = !str_eq(claim->requests[i].name, claim->requests[k].name);
	return distinct;
}

static bool is_of_some(const struct claim_result *result, const struct claim *claim)
{
	uint32_t of = 0;
	while (of < claim->request_count && !is_of(result, &claim->requests[of]))
		of++;
	return of < claim->request_count;
}

/* Whether each result is of one request: nobody knows what another one holds. */
static bool is_understood(const struct claim *claim)
{
	const struct claim_allocation *allocation = &claim->allocation;
	bool understood = allocation->present && allocation->result_count <= CLAIM_DEVICES_MAX &&
			  policy_claim_bounded(claim) && has_distinct_names(claim);
	for (uint32_t i = 0; understood && i < allocation->result_count; i++)
		understood = is_of_some(&allocation->results[i], claim);
	return understood;
}

int policy_claim_allocated(const struct claim *claim, struct arena *arena, struct consumer *consumer)
{
	struct request_list list;
	consumer->is_allocated = false;
	consumer->allocated = NULL;
	consumer->allocated_count = 0;
	if (!is_understood(claim))
		return 0;
	if (request_list_init(&list, claim, CLAIM_DEVICES_MAX, arena) < 0)
		return -1;
	for (uint32_t i = 0; i < claim->request_count && !claim->marked_extended; i++)
		if (add_given(&list, &claim->requests[i], &claim->allocation) < 0)
			return -1;
	consumer->is_allocated = true;
	consumer->allocated = list.items;
	consumer->allocated_count = list.count;
	return 0;
}
