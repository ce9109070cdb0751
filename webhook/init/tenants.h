/*
 * tenants: the Tenants of a first policy, one for each namespace that uses or limits accelerators.
 */
#ifndef WEBHOOK_INIT_TENANTS_H
#define WEBHOOK_INIT_TENANTS_H

#include "gpugate/buf.h"
#include "webhook/init/fleet.h"

/* Whether a namespace gets a Tenant: it uses accelerators, or a ResourceQuota allows it some. */
bool tenants_has(const struct fleet_namespace *space);

/* Appends the Tenant. No limit is below what is in use. */
void tenants_write(const struct fleet_namespace *space, struct buf *out);

#endif
