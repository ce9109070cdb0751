/* lint_surge: how many Pods a rolling update needs beyond the replicas. */
#ifndef WEBHOOK_CMD_LINT_SURGE_H
#define WEBHOOK_CMD_LINT_SURGE_H

#include "webhook/object/manifest.h"

/* Returns how many Pods beyond its replicas a Deployment must be able to create to be updated. */
int64_t lint_surge_of(const struct manifest_object *object, int64_t replicas);

/* Returns what of the Deployment says so, or an absent string. It borrows from the object. */
struct str lint_surge_cause(const struct manifest_object *object);

#endif
