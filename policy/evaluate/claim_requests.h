/* claim_requests: lists what a claim requests, or has been given, in names of device classes. */
#ifndef POLICY_EVALUATE_CLAIM_REQUESTS_H
#define POLICY_EVALUATE_CLAIM_REQUESTS_H

#include "gpugate/arena.h"
#include "gpugate/claim.h"
#include "gpugate/consumer.h"
#include "policy/model/class_part.h"

/* Requests that are being listed, with room for all of them. */
struct request_list {
	struct arena *arena;
	struct resource_request *items;
	uint32_t count;
	uint32_t size; /* So many rows have room. */
};

/*
 * Prepares an empty list with room for all options of a claim, at most CLAIM_OPTIONS_MAX, and
 * `more`. Returns 0, or -1 if the arena is exhausted.
 */
int request_list_init(struct request_list *list, const struct claim *claim, uint32_t more, struct arena *arena);

/*
 * Adds devices of the class of an option. Returns 0, or -1 if the arena is exhausted or the list is
 * full, so that nothing is ever written beyond it.
 */
int request_list_add(struct request_list *list, const struct claim_option *option, const struct class_part *part,
		     int64_t count, bool alternative);

/*
 * Adds all ways in which a request can be met, as far as the list has room: it has for all of a
 * claim that is bounded. Returns 0, or -1 if the arena is exhausted.
 */
int request_list_add_request(struct request_list *list, const struct claim_request *request);

#endif
