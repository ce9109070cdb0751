/*
 * effective_request: the effective request of a whole Pod for one resource, as PodRequests in
 * k8s.io/component-helpers computes it.
 *
 * Containers must be added in the order of struct pod, init containers first. Let S_i be the sum of
 * the sidecars before init container i. The result is the overhead plus the maximum of two values:
 * the sum of all containers and sidecars, and the largest S_i plus the request of init container i.
 */
#ifndef POLICY_EVALUATE_EFFECTIVE_REQUEST_H
#define POLICY_EVALUATE_EFFECTIVE_REQUEST_H

#include "gpugate/consumer.h"
#include "gpugate/pod.h"

struct effective {
	int64_t running, sidecars, peak, overhead;
};

/* Returns a + b, limited to COMPANION_MAX. Neither argument may exceed it. */
static inline int64_t effective_sum(int64_t a, int64_t b)
{
	return a + b < COMPANION_MAX ? a + b : COMPANION_MAX;
}

/*
 * Adds what one container requests, which is at most COMPANION_MAX. Ephemeral containers add
 * nothing.
 */
static inline void effective_add(struct effective *effective, const struct container *container, int64_t value)
{
	if (container->list == CONTAINER_REGULAR)
		effective->running = effective_sum(effective->running, value);
	else if (container->list == CONTAINER_INIT && container->sidecar)
		effective->sidecars = effective_sum(effective->sidecars, value);
	else if (container->list == CONTAINER_INIT && effective_sum(effective->sidecars, value) > effective->peak)
		effective->peak = effective_sum(effective->sidecars, value);
}

static inline int64_t effective_total(const struct effective *effective)
{
	int64_t steady = effective_sum(effective->running, effective->sidecars);
	return effective_sum(steady > effective->peak ? steady : effective->peak, effective->overhead);
}

#endif
