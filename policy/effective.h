/*
 * effective: what a whole Pod asks of one resource. Containers are added in the order of facts.h (init containers first); with
 * S_i the sum of the sidecars before init container i, a Pod asks max(sum of containers + sum of sidecars, max over init
 * containers of S_i + its own), and its overhead on top (component-helpers' PodRequests).
 */
#ifndef POLICY_EFFECTIVE_H
#define POLICY_EFFECTIVE_H

#include "gpugate/facts.h"

struct effective {
	int64_t running, sidecars, peak, overhead;
};

/* Adds what one container asks, at most DEMAND_MAX: no Pod has so many containers that this could overflow. */
static inline void effective_add(struct effective *effective, const struct container *container, int64_t value)
{
	if (container->list == CONTAINER_REGULAR)
		effective->running += value;
	else if (container->list == CONTAINER_INIT && container->sidecar)
		effective->sidecars += value;
	else if (container->list == CONTAINER_INIT && effective->sidecars + value > effective->peak)
		effective->peak = effective->sidecars + value;
}

static inline int64_t effective_total(const struct effective *effective)
{
	int64_t steady = effective->running + effective->sidecars;
	return (steady > effective->peak ? steady : effective->peak) + effective->overhead;
}

#endif
