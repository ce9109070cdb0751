/* quotas: reads ResourceQuotas and LimitRanges into a fleet. */
#ifndef WEBHOOK_INIT_QUOTAS_H
#define WEBHOOK_INIT_QUOTAS_H

#include "webhook/init/fleet.h"

/*
 * Add a ResourceQuota or a LimitRange, whose JSON REVIEW_PADDING readable bytes must follow. Nodes
 * come before them. `scratch` is for reading. Return 0, or -1 with an error.
 */
int quotas_read(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err);
int quotas_read_range(struct fleet *fleet, struct str json, struct arena *scratch, struct error *err);

#endif
