/*
 * effective_request: what a whole Pod asks of one resource. Containers are added in the order of facts.h (init containers first); with
 * S_i the sum of the sidecars before init container i, a Pod asks max(sum of containers + sum of sidecars, max over init
 * containers of S_i + its own), and its overhead on top (component-helpers' PodRequests).
 */
#ifndef POLICY_EVALUATE_EFFECTIVE_REQUEST_H
#define POLICY_EVALUATE_EFFECTIVE_REQUEST_H

#include "gpugate/holding.h"
#include "gpugate/pod.h"

struct effective {
	int64_t running, sidecars, peak, overhead;
};

/* a + b, of which neither is more than COMPANION_MAX; no sum gets beyond that. */
static inline int64_t effective_sum(int64_t a, int64_t b)
{
	return a + b < COMPANION_MAX ? a + b : COMPANION_MAX;
}

/* Adds what one container asks, at most COMPANION_MAX. */
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
