/*
 * claim_requests: what a ResourceClaim requests, independent of any policy, in the names by which
 * Pods request devices of the same classes.
 */
#include "policy/evaluate/claim_requests.h"

_Static_assert(CLASS_PROFILE_MAX == CLAIM_PROFILE_MAX, "every profile that is read can be named");

struct str resource_without_part(struct str name)
{
	return class_part_whole(name);
}

bool policy_claim_bounded(const struct claim *claim)
{
	uint64_t options = 0;
	for (uint32_t i = 0; i < claim->request_count; i++)
		options += claim->requests[i].option_count;
	return options <= CLAIM_OPTIONS_MAX;
}

int request_list_init(struct request_list *list, const struct claim *claim, uint32_t more, struct arena *arena)
{
	uint64_t most = 0;
	for (uint32_t i = 0; i < claim->request_count; i++)
		most += claim->requests[i].option_count;
	if (most > CLAIM_OPTIONS_MAX)
		most = CLAIM_OPTIONS_MAX;
	*list = (struct request_list){.arena = arena, .size = (uint32_t)most + more};
	list->items = arena_alloc(arena, (size_t)list->size * sizeof *list->items);
	return list->items ? 0 : -1;
}

int request_list_add(struct request_list *list, const struct claim_option *option, const struct class_part *part,
		     int64_t count, bool alternative)
{
	struct str resource = class_part_resource(list->arena, option->device_class, part);
	if (!str_present(resource) || list->count == list->size)
		return -1;
	list->items[list->count++] = (struct resource_request){resource, count, alternative};
	return 0;
}

/* What cannot be counted is counted as many, and not as none. */
static int64_t option_count(const struct claim_option *option)
{
	int64_t count = option->count > COMPANION_MAX ? COMPANION_MAX : option->count;
	bool exact = option->mode == CLAIM_EXACT_COUNT && count > 0;
	bool more = option->mode == CLAIM_MODE_UNKNOWN && count > CLAIM_DEVICES_MAX;
	return exact || more ? count : CLAIM_DEVICES_MAX;
}

int request_list_add_request(struct request_list *list, const struct claim_request *request)
{
	bool alternative = false;
	for (uint32_t i = 0; i < request->option_count && list->count < list->size; i++) {
		const struct claim_option *option = &request->options[i];
		const struct class_part part = {option->profile, option->memory};
		if (option->admin_access || option->device_class.len == 0)
			continue;
		if (request_list_add(list, option, &part, option_count(option), alternative) < 0)
			return -1;
		alternative = true;
	}
	return 0;
}

int policy_claim_requests(const struct claim *claim, struct arena *arena, const struct resource_request **requests,
			  uint32_t *count)
{
	struct request_list list;
	if (request_list_init(&list, claim, 0, arena) < 0)
		return -1;
	*requests = list.items;
	*count = 0;
	if (claim->marked_extended)
		return 0;
	for (uint32_t i = 0; i < claim->request_count; i++)
		if (request_list_add_request(&list, &claim->requests[i]) < 0)
			return -1;
	*count = list.count;
	return 0;
}
