/* pods: reads running Pods into a fleet: what they hold, and what Guards would object to. */
#ifndef WEBHOOK_INIT_PODS_H
#define WEBHOOK_INIT_PODS_H

#include "gpugate/policy.h"
#include "webhook/init/fleet.h"

/*
 * Adds a Pod, whose JSON REVIEW_PADDING readable bytes must follow. Finished Pods hold nothing and
 * are not judged. `probe` is from guards_probe. `scratch` is for reading. Returns 0, or -1 with an
 * error.
 */
int pods_read(struct fleet *fleet, const struct policy *probe, struct str json, struct arena *scratch,
	      struct error *err);

#endif
